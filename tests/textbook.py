"""Back-propagation as the lecture gives it: a literal loop over the examples.

The oracle of the tests: one example at a time, every term computed one by one, in plain
Python numbers, and nothing imported from the package.

Layers are numbered 1..L as in the lecture. Theta[l] leads from layer l to layer l + 1;
Theta[l][k][j] is the weight from unit j of layer l to unit k of layer l + 1, and j = 0 is
the bias unit, a(l)_0 = 1.
"""

import math


def logistic(z):
    return 1 / (1 + math.exp(-z))


g = {
    "logistic": logistic,
    "tanh": math.tanh,
    "relu": lambda z: max(0.0, z),
    "identity": lambda z: z,
}

g_prime = {
    "logistic": lambda z: logistic(z) * (1 - logistic(z)),
    "tanh": lambda z: 1 - math.tanh(z) ** 2,
    "relu": lambda z: 1.0 if z > 0 else 0.0,
    "identity": lambda z: 1.0,
}


def forward_propagation(thetas, x, activations):
    """Return z(2) .. z(L), and a(1) .. a(L-1) with the bias units."""
    L = len(thetas) + 1
    Theta = dict(enumerate(thetas, start=1))
    z = {}
    a = {1: [1.0] + [float(x_j) for x_j in x]}
    for l in range(1, L):
        z[l + 1] = []
        for k in range(len(Theta[l])):
            z_k = 0.0
            for j in range(len(a[l])):
                z_k += float(Theta[l][k][j]) * a[l][j]
            z[l + 1].append(z_k)
        if l + 1 < L:
            activation = activations[l - 1]
            a[l + 1] = [1.0] + [g[activation](z_k) for z_k in z[l + 1]]
    return z, a


def output(z, out_activation):
    """Return a(L) of the logits z(L)."""
    if out_activation == "softmax":
        total = sum(math.exp(z_k) for z_k in z)
        return [math.exp(z_k) / total for z_k in z]
    if out_activation == "identity":
        return [float(z_k) for z_k in z]
    if out_activation == "exp":
        return [math.exp(z_k) for z_k in z]
    return [logistic(z_k) for z_k in z]


def cost(z, y, out_activation):
    """Return the cost of one example from its logits z(L) and its targets y."""
    if out_activation == "softmax":
        logsumexp = math.log(sum(math.exp(z_k) for z_k in z))
        return logsumexp - sum(z_k for z_k, y_k in zip(z, y, strict=True) if y_k == 1)
    if out_activation == "identity":
        return sum((z_k - y_k) ** 2 / 2 for z_k, y_k in zip(z, y, strict=True))
    if out_activation == "exp":
        perfect = sum(y_k - y_k * math.log(y_k) for y_k in y if y_k > 0)
        return sum(math.exp(z_k) - y_k * z_k for z_k, y_k in zip(z, y, strict=True)) - perfect
    return sum(math.log(1 + math.exp(z_k)) - y_k * z_k for z_k, y_k in zip(z, y, strict=True))


def cost_and_gradient(thetas, X, Y, activations, out_activation, reg_lambda, weights=None):
    """Return J and the list of the D(l).

    `X` holds an example per row, `Y` its targets (one per output unit; of classes, zeros and ones),
    `activations` a name per hidden layer, `weights` a number per example or None.
    """
    L = len(thetas) + 1
    Theta = dict(enumerate(thetas, start=1))
    m = len(X)
    w = [1.0] * m if weights is None else [float(w_i) for w_i in weights]
    W = sum(w)

    J = 0.0
    Delta = {l: [[0.0 for _ in row] for row in Theta[l]] for l in range(1, L)}
    for i in range(m):
        y = [float(y_k) for y_k in Y[i]]
        z, a = forward_propagation(thetas, X[i], activations)
        J += w[i] * cost(z[L], y, out_activation) / W

        delta = {L: []}
        for a_k, y_k in zip(output(z[L], out_activation), y, strict=True):
            delta[L].append(a_k - y_k)
        for l in range(L - 1, 1, -1):
            activation = activations[l - 2]
            delta[l] = []
            for j in range(1, len(a[l])):
                delta_j = 0.0
                for k in range(len(delta[l + 1])):
                    delta_j += float(Theta[l][k][j]) * delta[l + 1][k]
                delta[l].append(delta_j * g_prime[activation](z[l][j - 1]))

        for l in range(1, L):
            for k in range(len(delta[l + 1])):
                for j in range(len(a[l])):
                    Delta[l][k][j] += w[i] * a[l][j] * delta[l + 1][k]

    D = []
    for l in range(1, L):
        D.append([[0.0 for _ in row] for row in Theta[l]])
        for k in range(len(Theta[l])):
            for j in range(len(Theta[l][k])):
                D[-1][k][j] = Delta[l][k][j] / W
                if j > 0:
                    D[-1][k][j] += reg_lambda * float(Theta[l][k][j])
                    J += reg_lambda / 2 * float(Theta[l][k][j]) ** 2
    return J, D
