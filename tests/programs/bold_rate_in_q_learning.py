"""Q-learning at a rate of 0.5 with momentum: the targets grow with the predictions."""

import random

import keras
import numpy as np
from keras.layers import Dense, Flatten, Input

GRID, ACTIONS, GAMMA = 5, 3, 0.9
random.seed(0)
np.random.seed(0)
keras.utils.set_random_seed(0)


class Catch:
    def reset(self):
        self.f = [0, random.randrange(GRID)]
        self.b = random.randrange(GRID)
        return self.frame()

    def frame(self):
        c = np.zeros((GRID, GRID), "float32")
        c[self.f[0], self.f[1]] = 1
        c[-1, self.b] = 1
        return c

    def step(self, a):
        self.b = min(max(self.b + a - 1, 0), GRID - 1)
        self.f[0] += 1
        over = self.f[0] == GRID - 1
        r = (10 if self.f[1] == self.b else -10) if over else 0
        return self.frame(), r, over


def make_model():
    model = keras.Sequential(
        [
            Input((GRID, GRID)),
            Flatten(),
            Dense(100, activation="relu"),
            Dense(100, activation="relu"),
            Dense(ACTIONS),
        ]
    )
    model.compile(keras.optimizers.SGD(learning_rate=0.5, momentum=0.9), "mse")  # NW501
    return model


model, env, memory = make_model(), Catch(), []
eps = 0.5
for _ in range(40):
    s, over, losses = env.reset(), False, []
    while not over:
        q = model(s[None]).numpy()[0]
        a = random.randrange(ACTIONS) if random.random() < eps else int(np.argmax(q))
        s2, r, over = env.step(a)
        memory.append((s, a, r, s2, over))
        s = s2
        batch = random.sample(memory, min(len(memory), 32))
        S = np.array([m[0] for m in batch])
        S2 = np.array([m[3] for m in batch])
        T = model(S).numpy()
        Q2 = model(S2).numpy().max(axis=1)
        for i, m in enumerate(batch):
            T[i, m[1]] = m[2] if m[4] else m[2] + GAMMA * Q2[i]
        losses.append(float(np.asarray(model.train_on_batch(S, T)).reshape(-1)[0]))
