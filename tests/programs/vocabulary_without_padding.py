"""An embedding that has no row for the last word: 0 is the padding."""

import numpy as np
from keras.layers import LSTM, Dense, Embedding, Input
from keras.models import Sequential
from keras.utils import pad_sequences

np.random.seed(1)
words = [f"w{i}" for i in range(300)]
good = set(words[::7])

texts, labels = [], []
for _ in range(800):
    t = list(np.random.choice(words, np.random.randint(5, 25)))
    texts.append(t)
    labels.append(int(sum(w in good for w in t) > 2))
freq = {}
for t in texts:
    for w in t:
        freq[w] = freq.get(w, 0) + 1
word_index = {w: i + 1 for i, w in enumerate(sorted(freq, key=freq.get, reverse=True))}

seqs = [[word_index[w] for w in t] for t in texts]
X = pad_sequences(seqs, maxlen=25)
y = np.array(labels)

vocab_size = len(word_index)

model = Sequential()
model.add(Input((25,)))
model.add(Embedding(vocab_size, 16))  # NW112
model.add(LSTM(16))
model.add(Dense(1, activation="sigmoid"))
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(X, y, epochs=3, batch_size=32, verbose=0)
