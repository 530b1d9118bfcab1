# A column of prose: n-gram weights into a linear classifier.


def main():
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    train, test = pd.read_csv(f"{DATA}/train.csv"), pd.read_csv(f"{DATA}/test.csv")
    sample = pd.read_csv(f"{DATA}/sample_submission.csv", nrows=5)
    most = CONFIG.get("rows", len(train))
    if most < len(train):
        train = train.sample(most, random_state=SEED).reset_index(drop=True)
    key = sample.columns[0]
    target = next(c for c in train.columns if c not in test.columns and c != key)
    words = [c for c in test.columns if c != key and test[c].dtype == object]
    text, text_test = (frame[words].fillna("").agg(" ".join, axis=1) for frame in (train, test))
    labels, y = np.unique(train[target].to_numpy(), return_inverse=True)
    features = TfidfVectorizer(analyzer=CONFIG["analyzer"], ngram_range=(1, CONFIG["upto"]), min_df=2, sublinear_tf=True,
                               max_features=int(200_000 * EFFORT))
    model = make_pipeline(features, LogisticRegression(C=CONFIG["C"], max_iter=400))
    fit, held = train_test_split(np.arange(len(y)), test_size=0.2, random_state=SEED, stratify=y)
    columns = [c for c in sample.columns if c != key]

    def answers(of):
        shares = model.predict_proba(of)
        if len(columns) == 1:
            return labels[shares.argmax(1)] if METRIC == "accuracy" else shares[:, -1]
        return shares

    model.fit(text.iloc[fit], y[fit])
    guess = answers(text.iloc[held])
    truth = labels[y[held]] if METRIC == "accuracy" else y[held]
    score = measure(truth, guess)
    model.fit(text, y)
    out = answers(text_test)
    filled = {key: test[key]}
    if len(columns) == 1:
        filled[columns[0]] = out
    else:
        filled.update({c: out[:, list(labels).index(c)] for c in columns})
    finish(score, filled)


main()
