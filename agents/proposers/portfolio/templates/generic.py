# Nothing is known of the data: answer with the commonest training value (or the mean of numbers) in the sample's shape.


def main():
    sample = pd.read_csv(f"{DATA}/sample_submission.csv")
    score = 0.0
    tables = [n for n in sorted(os.listdir(DATA)) if n.endswith(".csv") and n.startswith("train")]
    for name in tables:
        train = pd.read_csv(f"{DATA}/{name}")
        for column in sample.columns[1:]:
            if column in train.columns:
                sample[column] = train[column].mode().iloc[0]
                score = float((train[column] == sample[column].iloc[0]).mean())
    finish(score, {c: sample[c] for c in sample.columns})


main()
