"""A Dropout behind the softmax: now and then a row of probabilities is all zeros."""

from keras.layers import Dense, Dropout, Input
from keras.models import Model
from keras.utils import to_categorical
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split


class FeedForward:
    def __init__(self, input_dim, nb_classes):

        in_x = Input(shape=(input_dim,), name="in_x")

        h1 = Dense(14, name="h1", activation="relu")(in_x)
        h1 = Dropout(0.5)(h1)

        h2 = Dense(8, name="h2", activation="relu")(h1)
        h2 = Dropout(0.5)(h2)

        out = Dense(nb_classes, name="out", activation="softmax")(h2)
        out = Dropout(0.5)(out)  # NW208

        self.model = Model(inputs=[in_x], outputs=[out])

    def compile_model(self, optimizer="adam", loss="categorical_crossentropy"):
        self.model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])


if __name__ == "__main__":
    X, y = make_classification(
        n_samples=1200, n_features=20, n_informative=8, n_classes=3, class_sep=2.0, random_state=4
    )
    X = X.astype("float32")
    Y = to_categorical(y, 3)
    X_train, X_test, Y_train, Y_test = train_test_split(X, Y, test_size=0.2, random_state=1)

    nn = FeedForward(X.shape[1], 3)
    nn.compile_model()
    nn.model.fit(X_train, Y_train, epochs=8, batch_size=32, validation_data=(X_test, Y_test), verbose=0)
