# Small grey images: learned convolution features without a neural network (Coates, Ng and Lee 2011): whitened random patches as a
# filter bank, soft threshold, sum-pooling over a grid, then a linear classifier; or plain pixels with simpler models.
import gzip
import struct


def read_idx(path):
    with gzip.open(path, "rb") as stream:
        magic = struct.unpack(">I", stream.read(4))[0]
        shape = struct.unpack(">" + "I" * (magic & 255), stream.read(4 * (magic & 255)))
        return np.frombuffer(stream.read(), np.uint8).reshape(shape)


def load():
    names = sorted(n for n in os.listdir(DATA) if n.endswith("ubyte.gz"))
    train_name = next(n for n in names if "train" in n and "images" in n)
    test_name = next(n for n in names if "train" not in n and "images" in n)
    labels = pd.read_csv(f"{DATA}/train_labels.csv")
    sample = pd.read_csv(f"{DATA}/sample_submission.csv")
    x, x_test = read_idx(f"{DATA}/{train_name}"), read_idx(f"{DATA}/{test_name}")
    say("train", x.shape, "test", x_test.shape)
    return x, labels.iloc[:, -1].to_numpy(), x_test, sample


def patches_of(images, size, count, rng):
    rows = rng.integers(0, len(images), count)
    top = rng.integers(0, images.shape[1] - size + 1, (2, count))
    return np.stack([images[r, a:a + size, b:b + size].ravel() for r, a, b in zip(rows, top[0], top[1])]).astype(np.float32)


def filter_bank(images, size, count, rng):
    """Whitening of normalised patches and `count` of them as filters, folded into one matrix and an offset."""
    raw = patches_of(images, size, 20_000, rng)
    norm = (raw - raw.mean(1, keepdims=True)) / (raw.std(1, keepdims=True) + 10)
    mean = norm.mean(0)
    values, vectors = np.linalg.eigh(np.cov((norm - mean).T))
    whiten = (vectors / np.sqrt(values + 0.1)) @ vectors.T
    white = (norm - mean) @ whiten
    alive = white[raw.std(1) > 8]
    bank = alive[rng.permutation(len(alive))[:count]]
    bank /= np.linalg.norm(bank, axis=1, keepdims=True)
    return mean.astype(np.float32), (whiten @ bank.T).astype(np.float32)


def features(images, size, mean, bank, grid, threshold):
    from numpy.lib.stride_tricks import sliding_window_view
    side = images.shape[1] - size + 1
    edges = np.linspace(0, side, grid + 1).astype(int)
    out = np.empty((len(images), 2 * bank.shape[1] * grid * grid), np.float32)
    for start in range(0, len(images), 500):
        part = images[start:start + 500].astype(np.float32)
        windows = sliding_window_view(part, (size, size), axis=(1, 2)).reshape(len(part) * side * side, size * size)
        windows = (windows - windows.mean(1, keepdims=True)) / (windows.std(1, keepdims=True) + 10)
        maps = ((windows - mean) @ bank).reshape(len(part), side, side, -1)
        pooled = []
        for response in (np.maximum(maps - threshold, 0), np.maximum(-maps - threshold, 0)):
            for a, b in zip(edges[:-1], edges[1:]):
                for c, d in zip(edges[:-1], edges[1:]):
                    pooled.append(response[:, a:b, c:d].mean(axis=(1, 2)))
        out[start:start + len(part)] = np.concatenate(pooled, axis=1)
    return out


def ridge_scores(x, y, x_new, classes, penalty):
    """One-against-all least squares: all classes from one Cholesky factor."""
    mean, scale = x.mean(0), x.std(0) + 1e-3
    design = (x - mean) / scale
    targets = np.full((len(y), classes), -1.0, np.float32)
    targets[np.arange(len(y)), y] = 1
    gram = design.T @ design
    gram[np.diag_indices_from(gram)] += penalty * len(x) / 1000
    weights = np.linalg.solve(gram, design.T @ (targets - targets.mean(0)))
    return ((x_new - mean) / scale) @ weights + targets.mean(0)


def pixel_model(kind):
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.neighbors import KNeighborsClassifier
    trees = max(10, int(CONFIG.get("trees", 100) * EFFORT))
    if kind == "forest":
        return RandomForestClassifier(trees, n_jobs=1, random_state=SEED)
    if kind == "extra":
        return ExtraTreesClassifier(trees, n_jobs=1, random_state=SEED)
    return KNeighborsClassifier(5)


def predict(x, y, x_new, classes):
    if CONFIG["kind"] != "filters":
        model = pixel_model(CONFIG["kind"])
        model.fit(x.reshape(len(x), -1), y)
        return model.predict_proba(x_new.reshape(len(x_new), -1))
    rng = np.random.default_rng(SEED)
    size, grid = CONFIG.get("patch", 6), CONFIG.get("grid", 3)
    mean, bank = filter_bank(x, size, max(16, int(CONFIG.get("filters", 100) * EFFORT)), rng)
    fit = features(x, size, mean, bank, grid, CONFIG.get("threshold", 0.25))
    say("features", fit.shape)
    new = features(x_new, size, mean, bank, grid, CONFIG.get("threshold", 0.25))
    return ridge_scores(fit, y, new, classes, CONFIG.get("penalty", 1.0))


def main():
    x, y, x_test, sample = load()
    labels, y = np.unique(y, return_inverse=True)
    order = np.random.default_rng(SEED).permutation(len(x))
    most = int(CONFIG.get("rows", len(x)))
    fit, held = order[5000:5000 + most], order[:5000]
    both = predict(x[fit], y[fit], np.concatenate([x[held], x_test]), len(labels)).argmax(axis=1)
    score = measure(y[held], both[:len(held)])
    say("held-out score", score)
    finish(score, {sample.columns[0]: sample.iloc[:, 0], sample.columns[1]: labels[both[len(held):]]})


main()
