# Tables: clean, encode, add features of repeated column groups, fit one of several models, check it on held-out rows, refit on all.
import re
from collections import defaultdict


def load():
    train, test = pd.read_csv(f"{DATA}/train.csv"), pd.read_csv(f"{DATA}/test.csv")
    sample = pd.read_csv(f"{DATA}/sample_submission.csv", nrows=5)
    key = sample.columns[0]
    targets = [c for c in train.columns if c not in test.columns and c != key]
    if len(targets) != 1:
        sys.exit(f"this template predicts one column, train.csv has {targets} that test.csv lacks")
    most = CONFIG.get("rows", len(train))
    if most < len(train):
        train = train.sample(most, random_state=SEED).reset_index(drop=True)
    say("train", train.shape, "test", test.shape, "target", targets[0])
    return train, test, key, targets[0], sample.columns[1]


def encode(train, test, drop):
    """Numbers stay, words become their rank by frequency and their frequency; nearly constant columns go."""
    both = pd.concat([train.drop(columns=drop, errors="ignore"), test.drop(columns=drop, errors="ignore")], ignore_index=True)
    columns = {}
    for name in both.columns:
        values = both[name]
        if values.dtype == object:
            counts = values.value_counts()
            columns[name] = values.map({v: i for i, v in enumerate(counts.index)}).fillna(-1).to_numpy(np.float32)
            if len(counts) > 8:
                columns[name + "_count"] = values.map(counts).fillna(0).to_numpy(np.float32)
        else:
            columns[name] = values.to_numpy(np.float32)
    least = CONFIG.get("least_common", 0)
    if least:
        columns = {n: v for n, v in columns.items() if (v != pd.Series(v).mode(dropna=False)[0]).sum() >= least}
    frame = pd.DataFrame(columns)
    say("features", frame.shape[1])
    return frame


def groups_of(columns):
    """Columns numbered alike (S1..S5, C1..C5) are parallel lists: {prefix: [columns]} where all have the same numbers."""
    found = defaultdict(dict)
    for name in columns:
        match = re.fullmatch(r"([A-Za-z_]+?)_?(\d+)", name)
        if match:
            found[match[1]][int(match[2])] = name
    sizes = {tuple(sorted(v)) for v in found.values()}
    numbered = {k: [v[i] for i in sorted(v)] for k, v in found.items() if 3 <= len(v) <= 12}
    return numbered if len(sizes) == 1 and len(numbered) >= 2 else {}


def order_free(frame, groups):
    """For lists whose order carries nothing: sorted values, gaps, repeats, distinct values."""
    out = {}
    for prefix, names in groups.items():
        values = frame[names].to_numpy(np.int32)
        ordered = np.sort(values, axis=1)
        gaps = np.diff(ordered, axis=1)
        same = (values[:, :, None] == values[:, None, :]).sum(axis=2)
        for i in range(len(names)):
            out[f"{prefix}_sorted{i}"] = ordered[:, i]
            out[f"{prefix}_repeat{i}"] = np.sort(same, axis=1)[:, i]
        for i in range(len(names) - 1):
            out[f"{prefix}_gap{i}"] = gaps[:, i]
        out[f"{prefix}_distinct"] = (gaps > 0).sum(axis=1) + 1
        out[f"{prefix}_range"] = ordered[:, -1] - ordered[:, 0]
        out[f"{prefix}_most"] = same.max(axis=1)
    return pd.DataFrame(out).astype(np.float32)


def make_model(kind, classes):
    from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import BernoulliNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    rounds = max(10, int(CONFIG.get("rounds", 200) * EFFORT))
    if kind == "boost":
        return HistGradientBoostingClassifier(max_iter=rounds, learning_rate=CONFIG.get("rate", 0.06), max_leaf_nodes=CONFIG.get("leaves", 31),
                                              l2_regularization=1.0, min_samples_leaf=CONFIG.get("leaf", 20), early_stopping=False, random_state=SEED)
    if kind == "xgb":
        from xgboost import XGBClassifier
        return XGBClassifier(n_estimators=rounds, learning_rate=CONFIG.get("rate", 0.06), max_depth=CONFIG.get("depth", 6), subsample=0.8,
                             colsample_bytree=CONFIG.get("columns", 0.3), tree_method="hist", n_jobs=1, random_state=SEED, verbosity=0)
    if kind == "forest":
        return RandomForestClassifier(rounds, min_samples_leaf=CONFIG.get("leaf", 2), n_jobs=1, random_state=SEED)
    if kind == "extra":
        return ExtraTreesClassifier(rounds, min_samples_leaf=CONFIG.get("leaf", 2), n_jobs=1, random_state=SEED)
    if kind == "tree":
        from sklearn.tree import DecisionTreeClassifier
        return DecisionTreeClassifier(max_depth=CONFIG.get("depth"), random_state=SEED)
    if kind == "bayes":
        return make_pipeline(OneHotEncoder(handle_unknown="ignore"), BernoulliNB(alpha=CONFIG.get("alpha", 1.0)))
    if kind == "onehot":
        return make_pipeline(OneHotEncoder(handle_unknown="ignore", min_frequency=10), LogisticRegression(C=CONFIG.get("C", 0.05), max_iter=500))
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(C=CONFIG.get("C", 0.1), max_iter=300))


def fit_predict(kinds, x, y, x_new, classes):
    """Mean class probabilities of the models, predicted in pieces so that a million rows fit in memory."""
    total = np.zeros((len(x_new), classes), np.float32)
    for kind in kinds:
        model = make_model(kind, classes)
        data = x.fillna(-999) if kind in ("forest", "extra", "tree", "bayes", "onehot") else x
        model.fit(data, y)
        for start in range(0, len(x_new), 100_000):
            piece = x_new.iloc[start:start + 100_000]
            piece = piece.fillna(-999) if kind in ("forest", "extra", "tree", "bayes", "onehot") else piece
            total[start:start + len(piece)] += model.predict_proba(piece)
    return total / len(kinds)


def answer(probabilities, labels):
    return labels[probabilities.argmax(axis=1)] if METRIC == "accuracy" else probabilities[:, -1]


def check(kinds, x, y, labels):
    """The metric on held-out rows: cross-validation for small tables, one fifth for large ones."""
    from sklearn.model_selection import KFold, StratifiedKFold
    counts = np.bincount(y)
    folds = 5 if len(y) <= 12_000 else 1
    splitter = StratifiedKFold(5, shuffle=True, random_state=SEED) if counts.min() >= 5 else KFold(5, shuffle=True, random_state=SEED)
    rows, predicted = [], []
    for i, (fit, held) in enumerate(splitter.split(x, y)):
        if i >= folds:
            break
        part = fit_predict(kinds, x.iloc[fit], y[fit], x.iloc[held], len(labels)) if len(set(y[fit])) == len(labels) else None
        if part is None:
            sys.exit("a class is too rare to hold out rows of it")
        rows.append(held)
        predicted.append(answer(part, np.arange(len(labels))))
    return measure(y[np.concatenate(rows)], np.concatenate(predicted))


def main():
    train, test, key, target, answer_column = load()
    labels, y = np.unique(train[target].to_numpy(), return_inverse=True)
    frame = encode(train, test, [key, target])
    groups = groups_of([c for c in test.columns if c != key]) if CONFIG.get("groups", True) else {}
    if groups:
        say("parallel column groups", {k: len(v) for k, v in groups.items()})
        extra = order_free(frame, groups)
        frame = extra if CONFIG.get("only_groups", False) else pd.concat([frame, extra], axis=1)
    x, x_test = frame.iloc[:len(train)], frame.iloc[len(train):]
    kinds = CONFIG["models"]
    score = check(kinds, x, y, labels)
    say("held-out score", score)
    predicted = answer(fit_predict(kinds, x, y, x_test, len(labels)), labels)
    finish(score, {key: test[key], answer_column: predicted})


main()
