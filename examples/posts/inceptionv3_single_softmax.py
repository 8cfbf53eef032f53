# As it was posted, but for the two lines that make pictures; for weights=None, which stands for 'imagenet' so
# that nothing is downloaded; and for target_size, which was (64, 64): of so few pixels InceptionV3 leaves none,
# whose mean was NaN then, and which TensorFlow refuses today.
#
#     nanwatch run --keras 2 inceptionv3_single_softmax.py
from keras.applications.inception_v3 import InceptionV3
from keras.preprocessing import image
from keras.models import Model
from keras.layers import Dense, GlobalAveragePooling2D
from keras import backend as K

from pictures import make_folders
make_folders('C:/Users/Desktop/Transfer/train/', 'C:/Users/Desktop/Transfer/test/')

# create the base pre-trained model
base_model = InceptionV3(weights=None, include_top=False)

# add a global spatial average pooling layer
x = base_model.output
x = GlobalAveragePooling2D()(x)
# let's add a fully-connected layer
x = Dense(1024, activation='relu')(x)

x = Dense(512, activation='relu')(x)
x = Dense(32, activation='relu')(x)
# and a logistic layer -- we have 2 classes
predictions = Dense(1, activation='softmax')(x)  # NW202

# this is the model we will train
model = Model(inputs=base_model.input, outputs=predictions)


for layer in base_model.layers:
    layer.trainable = False

# we chose to train the top 2 inception blocks, i.e. we will freeze
# the first 249 layers and unfreeze the rest:
for layer in model.layers[:249]:
   layer.trainable = False
for layer in model.layers[249:]:
   layer.trainable = True

model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
from keras.preprocessing.image import ImageDataGenerator
train_datagen = ImageDataGenerator(
        rescale=1./255,
        shear_range=0.2,
        zoom_range=0.2,
        horizontal_flip=True)

test_datagen = ImageDataGenerator(rescale=1./255)

training_set = train_datagen.flow_from_directory(
        'C:/Users/Desktop/Transfer/train/',
        target_size=(75, 75),
        batch_size=5,
        class_mode='binary')

test_set = test_datagen.flow_from_directory(
        'C:/Users/Desktop/Transfer/test/',
        target_size=(75, 75),
        batch_size=5,
        class_mode='binary')

model.fit_generator(
        training_set,
        steps_per_epoch=1000,
        epochs=20,
        validation_data=test_set,
        validation_steps=100)
