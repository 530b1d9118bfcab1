# Joins earlier programs: each is run again, and what they predict is averaged (of labels: voted on), for the rows that they held out and
# for the test rows. CONFIG["parents"] lists them, the best first, with a name, a config and a program; CONFIG["prelude"] is what they share.


def run(parent):
    """A program's held-out truth and predictions, and the columns of its submission."""
    seen = {}
    space = {"CONFIG": parent["config"], "__name__": parent["name"]}
    exec(compile(CONFIG["prelude"], "prelude", "exec"), space)
    own_measure = space["measure"]

    def keep_measure(truth, predicted):
        seen["truth"], seen["held"] = np.asarray(truth), np.asarray(predicted)
        return own_measure(truth, predicted)

    def keep_finish(score, columns):
        seen["columns"] = {name: np.asarray(values) for name, values in columns.items()}

    space["measure"], space["finish"] = keep_measure, keep_finish
    exec(compile(parent["program"], parent["name"], "exec"), space)
    return seen


def vote(rows):
    """The commonest label of each column of votes; of equally common ones that of the better program."""
    votes = np.stack(rows)
    agree = (votes[:, None, :] == votes[None, :, :]).sum(axis=1)
    return votes[agree.argmax(axis=0), np.arange(votes.shape[1])]


def join(rows):
    return vote(rows) if METRIC == "accuracy" else np.mean([np.asarray(r, np.float64) for r in rows], axis=0)


def same_rows(a, b):
    key = next(iter(a["columns"]))
    return np.array_equal(a["truth"], b["truth"]) and np.array_equal(a["columns"][key], b["columns"][key])


def main():
    kept = []
    for parent in CONFIG["parents"]:
        seen = run(parent)
        if "truth" not in seen or (kept and not same_rows(kept[0], seen)):
            say(parent["name"], "held out other rows: left out")
            continue
        say(parent["name"], "held-out score", measure(seen["truth"], seen["held"]))
        kept.append(seen)
    if len(kept) < 2:
        sys.exit("fewer than two programs can be joined")
    score = measure(kept[0]["truth"], join([k["held"] for k in kept]))
    key, *answers = kept[0]["columns"]
    columns = {key: kept[0]["columns"][key]}
    columns.update({name: join([k["columns"][name] for k in kept]) for name in answers})
    finish(score, columns)


main()
