# As it was posted in 2019, but for the imports, the pictures, the call of the function, and for weights=None,
# which stands for 'imagenet' so that nothing is downloaded.
#
#     nanwatch run --keras 2 vgg16_relu_head.py
import keras
import numpy as np
from keras.applications.vgg16 import VGG16
from keras.layers import Dense, Flatten
from keras.models import Model
from keras.utils import np_utils
from sklearn.utils import class_weight

from pictures import MetricsCheckpoint, chest_pictures
X_train, y_train = chest_pictures(16, 200)
X_test, y_test = chest_pictures(4, 200)
labels_train = np_utils.to_categorical(y_train, 2)
labels_test = np_utils.to_categorical(y_test, 2)

map_characters1 = {0: 'No Pneumonia', 1: 'Yes Pneumonia'}
class_weight1 = class_weight.compute_class_weight('balanced', np.unique(y_train), y_train)
weight_path1 = './imagenet_models/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5'
pretrained_model_1 = VGG16(weights = None, include_top=False, input_shape=(200, 200, 3))

optimizer1 = keras.optimizers.Adam(lr=0.0001)
def pretrainedNetwork(xtrain,ytrain,xtest,ytest,pretrainedmodel,pretrainedweights,classweight,numclasses,numepochs,optimizer,labels):
    base_model = pretrained_model_1 # Topless
    # Add top layer
    x = base_model.output
    x = Flatten()(x)
    predictions = Dense(numclasses, activation='relu')(x)  # NW201
    model = Model(inputs=base_model.input, outputs=predictions)
    # Train top layer
    for layer in base_model.layers:
        layer.trainable = False
    model.compile(loss='categorical_crossentropy', 
              optimizer=optimizer, 
              metrics=['accuracy'])
    callbacks_list = [keras.callbacks.EarlyStopping(monitor='val_acc', patience=3, verbose=1)]
    model.summary()
    # Fit model
    history = model.fit(xtrain,ytrain, epochs=numepochs, class_weight=classweight, validation_data=(xtest,ytest), verbose=1,callbacks = [MetricsCheckpoint('logs')])
    # Evaluate model
    score = model.evaluate(xtest,ytest, verbose=0)
    print('\nKeras CNN - accuracy:', score[1], '\n')
    return model

pretrainedNetwork(X_train, labels_train, X_test, labels_test, pretrained_model_1, weight_path1, class_weight1, 2, 6, optimizer1, map_characters1)
