# Reverse a cellular automaton by simulated annealing. 64 boards share a machine word: one bitwise operation steps a cell of 64
# boards. Cells far enough apart to have no common descendant are flipped at once and each flip is judged by its own window, so
# an evaluation tries up to 25 flips a board. The stop boards are the input, so the error of a guess is known exactly.
SIDE = 25
CELLS = SIDE * SIDE
ONES = np.uint64(0xFFFFFFFFFFFFFFFF)


def pack(boards):
    """(n, 625) 0/1 -> (25, 25, words) with board b in bit b%64 of word b//64."""
    n = len(boards)
    words = (n + 63) // 64
    padded = np.zeros((words * 64, CELLS), np.uint8)
    padded[:n] = boards
    bits = np.packbits(padded.T.reshape(CELLS, words, 64), axis=2, bitorder="little")
    return np.ascontiguousarray(bits).view(np.uint64).reshape(SIDE, SIDE, words)


def unpack(grid, n):
    flat = np.ascontiguousarray(grid).reshape(CELLS, -1)
    return np.unpackbits(flat.view(np.uint8), axis=1, bitorder="little")[:, :n].T


def step(a):
    left, right = np.roll(a, 1, 1), np.roll(a, -1, 1)
    x = left ^ right
    s = x ^ a
    c = (left & right) | (x & a)
    s0, s2 = np.roll(s, 1, 0), np.roll(s, -1, 0)
    c0, c2 = np.roll(c, 1, 0), np.roll(c, -1, 0)
    y = s0 ^ s2
    ones = y ^ s
    k = (s0 & s2) | (y & s)
    p, q = c0 ^ c, c0 & c
    r, u = c2 ^ k, c2 & k
    three = ones & (p ^ r) & ~(q | u)
    four = ~ones & ((p & r) | ((q ^ u) & ~(p | r)))
    return three | (a & four)


def forward(a, delta):
    for _ in range(delta):
        a = step(a)
    return a


def lattice(delta):
    """Centres along one axis with gaps of at least 2*delta+1 on the torus."""
    count = SIDE // (2 * delta + 1)
    return [i * SIDE // count for i in range(count)]


SHAPES = [[(0, 0)], [(0, 0)], [(0, 0)], [(0, 0), (0, 1)], [(0, 0), (1, 0)], [(0, 0), (1, 1)], [(0, 1), (1, 0)],
          [(0, 0), (0, 1), (1, 0)], [(0, 0), (0, 1), (1, 0), (1, 1)], [(0, 0), (0, 2)], [(0, 0), (2, 0)]]


def windows(delta, shape, row, col, axis):
    """For every lattice centre: the flipped cells and the cells their flip can change."""
    height, width = max(r for r, _ in shape), max(c for _, c in shape)
    cells, reach = [], []
    for r0 in axis:
        for c0 in axis:
            r0s, c0s = r0 + row, c0 + col
            cells.append([((r0s + r) % SIDE) * SIDE + (c0s + c) % SIDE for r, c in shape])
            reach.append([((r0s + i) % SIDE) * SIDE + (c0s + j) % SIDE
                          for i in range(-delta, height + delta + 1) for j in range(-delta, width + delta + 1)])
    return np.array(cells), np.array(reach)


def counts(bits):
    """(centres, cells, words) -> set bits a board: (centres, boards)."""
    return np.unpackbits(np.ascontiguousarray(bits).view(np.uint8), axis=2, bitorder="little").sum(axis=1, dtype=np.int16)


def spread(delta, shape):
    """A lattice whose gaps leave room for the shape."""
    extent = max(max(r for r, _ in shape), max(c for _, c in shape))
    count = max(1, SIDE // (2 * delta + 1 + extent))
    return [i * SIDE // count for i in range(count)]


def anneal(stop, delta, rounds, rng):
    current = stop.copy()
    flat_stop = stop.reshape(CELLS, -1)
    wrong = forward(current, delta).reshape(CELLS, -1) ^ flat_stop
    words = stop.shape[2]
    best, best_wrong = current.copy(), wrong.copy()
    best_count = counts(best_wrong[None])[0]
    hot, cold = CONFIG.get("hot", 0.9), CONFIG.get("cold", 0.12)
    for i in range(rounds):
        heat = hot * (cold / hot) ** (i / rounds)
        shape = SHAPES[rng.integers(len(SHAPES))]
        cells, reach = windows(delta, shape, rng.integers(SIDE), rng.integers(SIDE), spread(delta, shape))
        trial = current.reshape(CELLS, words).copy()
        trial[cells.ravel()] ^= ONES
        new_wrong = forward(trial.reshape(SIDE, SIDE, words), delta).reshape(CELLS, words) ^ flat_stop
        change = counts(new_wrong[reach]) - counts(wrong[reach])
        limit = np.floor(-heat * np.log(rng.random(change.shape) + 1e-12))
        accept = np.packbits(change <= limit, axis=1, bitorder="little").view(np.uint64)
        flat = current.reshape(CELLS, words)
        for centre in range(len(cells)):
            keep = accept[centre]
            flat[cells[centre]] ^= keep
            wrong[reach[centre]] = (wrong[reach[centre]] & ~keep) | (new_wrong[reach[centre]] & keep)
        if i % 20 == 19 or i == rounds - 1:
            count = counts(wrong[None])[0]
            better = np.packbits(count < best_count, bitorder="little").view(np.uint64)
            best = (best & ~better) | (current & better)
            best_count = np.minimum(best_count, count)
    return best, best_count


def main():
    test = pd.read_csv(f"{DATA}/test.csv")
    stop_columns = [f"stop_{i}" for i in range(CELLS)]
    stops = test[stop_columns].to_numpy(np.uint8)
    delta = test["delta"].to_numpy()
    guess = np.zeros_like(stops)
    rng = np.random.default_rng(SEED)
    if CONFIG.get("shuffle_rounds", 0):
        rng = np.random.default_rng(SEED + int(CONFIG["shuffle_rounds"]))
    errors = 0
    for d in sorted(set(delta)):
        rows = np.flatnonzero(delta == d)
        rounds = int(CONFIG.get("rounds", 1000) * EFFORT)
        grid, wrong = anneal(pack(stops[rows]), int(d), rounds, rng)
        guess[rows] = unpack(grid, len(rows))
        errors += int(wrong[:len(rows)].sum())
        say("delta", d, "boards", len(rows), "error", wrong[:len(rows)].mean() / CELLS)
    columns = {"id": test["id"]}
    columns.update({f"start_{i}": guess[:, i] for i in range(CELLS)})
    finish(errors / stops.size, columns)


main()
