-- The first schema.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE experiment (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    parent INTEGER REFERENCES experiment (id),
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state = 'queued' OR state = 'running' OR state = 'paused' OR state = 'succeeded' OR state = 'failed' OR state = 'abandoned' OR state = 'cancelled'),
    phase TEXT CHECK (phase = 'researching' OR phase = 'generating' OR phase = 'evaluating' OR phase = 'gating' OR phase = 'selecting' OR phase = 'deciding'),
    round INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    seed INTEGER NOT NULL CHECK (seed BETWEEN 0 AND 4294967295),
    spec TEXT NOT NULL CHECK (json_valid(spec)),
    source TEXT NOT NULL,
    folder TEXT NOT NULL,
    environment TEXT NOT NULL CHECK (json_valid(environment)),
    code_hash TEXT,
    idempotency_key TEXT UNIQUE,
    created_us INTEGER NOT NULL,
    started_us INTEGER,
    finished_us INTEGER,
    variant_count INTEGER NOT NULL DEFAULT 0,
    variants_evaluated INTEGER NOT NULL DEFAULT 0,
    variants_failed INTEGER NOT NULL DEFAULT 0,
    variants_pruned INTEGER NOT NULL DEFAULT 0,
    variants_cancelled INTEGER NOT NULL DEFAULT 0,
    iterations_queued INTEGER NOT NULL DEFAULT 0,
    iterations_running INTEGER NOT NULL DEFAULT 0,
    iterations_succeeded INTEGER NOT NULL DEFAULT 0,
    iterations_failed INTEGER NOT NULL DEFAULT 0,
    iterations_cancelled INTEGER NOT NULL DEFAULT 0,
    cost_usd REAL, -- what its attempts have told that they cost; NULL: none has told anything
    tokens INTEGER
) STRICT;
CREATE INDEX experiment_by_name ON experiment (name, id);
CREATE INDEX experiment_open ON experiment (id) WHERE finished_us IS NULL;

CREATE TABLE round (
    experiment INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    approach TEXT NOT NULL,
    first_variant INTEGER NOT NULL,
    proposals INTEGER NOT NULL DEFAULT 0,
    best_objective REAL,
    opened_us INTEGER NOT NULL,
    PRIMARY KEY (experiment, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE proposal (
    experiment INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    round INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    variant INTEGER NOT NULL,
    PRIMARY KEY (experiment, round, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE variant (
    experiment INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    round INTEGER NOT NULL,
    approach TEXT NOT NULL,
    hash INTEGER NOT NULL, -- of approach and parameters
    params TEXT NOT NULL CHECK (json_valid(params)),
    parents TEXT NOT NULL DEFAULT '[]' CHECK (parents = '[]' OR json_valid(parents)),
    state TEXT NOT NULL CHECK (state = 'proposed' OR state = 'evaluating' OR state = 'evaluated' OR state = 'failed' OR state = 'pruned' OR state = 'cancelled'),
    -- ^ a proposed variant is evaluating as soon as one of its iterations has had an attempt: that is not written a second time
    rule TEXT,
    metrics TEXT CHECK (metrics IS NULL OR json_valid(metrics)),
    spread TEXT CHECK (spread IS NULL OR json_valid(spread)),
    objective REAL,
    rank REAL, -- the objective so that smaller is better, and what has none comes last
    score REAL,
    passed INTEGER CHECK (passed IN (0, 1)),
    verdict TEXT CHECK (verdict IS NULL OR json_valid(verdict)),
    selected INTEGER NOT NULL DEFAULT 0 CHECK (selected IN (0, 1)),
    PRIMARY KEY (experiment, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX variant_by_hash ON variant (experiment, hash);
CREATE INDEX variant_open ON variant (experiment, number) WHERE state IN ('proposed', 'evaluating');
CREATE INDEX variant_ungated ON variant (experiment, number) WHERE state = 'evaluated' AND passed IS NULL;
CREATE INDEX variant_ranked ON variant (experiment, rank, number) WHERE passed = 1;
CREATE INDEX variant_selected ON variant (experiment, number) WHERE selected = 1;

CREATE TABLE iteration (
    experiment INTEGER NOT NULL,
    variant INTEGER NOT NULL,
    number INTEGER NOT NULL,
    stage TEXT NOT NULL,
    "case" TEXT,
    repeat INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state = 'queued' OR state = 'running' OR state = 'succeeded' OR state = 'failed' OR state = 'cancelled'),
    attempt INTEGER NOT NULL DEFAULT 0,
    charged INTEGER NOT NULL DEFAULT 0,
    cause TEXT,
    deaths INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (experiment, variant, number),
    FOREIGN KEY (experiment, variant) REFERENCES variant (experiment, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX iteration_running ON iteration (experiment, variant, number) WHERE state = 'running';
CREATE INDEX iteration_to_retry ON iteration (experiment, variant, number) WHERE state IN ('failed', 'cancelled');

CREATE TABLE attempt (
    experiment INTEGER NOT NULL,
    variant INTEGER NOT NULL,
    iteration INTEGER NOT NULL,
    number INTEGER NOT NULL,
    end TEXT NOT NULL CHECK (end = 'succeeded' OR end = 'failed' OR end = 'cancelled' OR end = 'interrupted'),
    cause TEXT CHECK (cause = 'raised' OR cause = 'exited' OR cause = 'signalled' OR cause = 'timed_out' OR cause = 'out_of_memory' OR cause = 'invalid_result' OR cause = 'worker_lost' OR cause = 'machine_lost'),
    error TEXT,
    exit_status INTEGER,
    executor TEXT,
    started_us INTEGER,
    finished_us INTEGER,
    wall_seconds REAL,
    cpu_seconds REAL,
    max_rss_bytes INTEGER,
    output_bytes INTEGER,
    queue_seconds REAL,
    pid INTEGER,
    start_ticks INTEGER,
    read_bytes INTEGER,
    written_bytes INTEGER,
    cost_usd REAL,
    tokens INTEGER,
    metrics TEXT CHECK (metrics IS NULL OR json_valid(metrics)),
    CHECK ((end = 'failed') = (cause IS NOT NULL)),
    PRIMARY KEY (experiment, variant, iteration, number),
    FOREIGN KEY (experiment, variant, iteration) REFERENCES iteration (experiment, variant, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time_us INTEGER NOT NULL,
    experiment INTEGER,
    kind TEXT NOT NULL,
    data TEXT NOT NULL CHECK (json_valid(data))
) STRICT;

CREATE TABLE decision (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    experiment INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    round INTEGER NOT NULL,
    kind TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    rule TEXT NOT NULL,
    message TEXT NOT NULL,
    inputs TEXT NOT NULL CHECK (json_valid(inputs)),
    result TEXT NOT NULL CHECK (json_valid(result))
) STRICT;
CREATE INDEX decision_by_experiment ON decision (experiment, id);

-- Sums over attempts, kept by the transactions that write them: nobody adds them up by reading attempts. '' stands for no executor, no cause.
CREATE TABLE usage (
    experiment INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    stage TEXT NOT NULL,
    executor TEXT NOT NULL,
    end TEXT NOT NULL,
    cause TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    wall_seconds REAL,
    cpu_seconds REAL,
    max_rss_bytes INTEGER,
    output_bytes INTEGER,
    read_bytes INTEGER,
    written_bytes INTEGER,
    queue_seconds REAL,
    longest_wall_seconds REAL,
    longest_queue_seconds REAL,
    first_started_us INTEGER,
    last_finished_us INTEGER,
    variant INTEGER NOT NULL, -- the first attempt of its kind that was recorded
    iteration INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (experiment, stage, executor, end, cause)
) STRICT, WITHOUT ROWID;

-- How many attempts of a stage took how long, by steps of 9 % (see `buckets`).
CREATE TABLE usage_wall (
    experiment INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    stage TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (experiment, stage, bucket)
) STRICT, WITHOUT ROWID;

-- The same sums over all experiments there ever were, removed ones too.
CREATE TABLE usage_total (
    executor TEXT NOT NULL,
    end TEXT NOT NULL,
    cause TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    wall_seconds REAL,
    cpu_seconds REAL,
    output_bytes INTEGER,
    read_bytes INTEGER,
    written_bytes INTEGER,
    queue_seconds REAL,
    PRIMARY KEY (executor, end, cause)
) STRICT, WITHOUT ROWID;

CREATE TABLE report (
    experiment INTEGER NOT NULL,
    variant INTEGER NOT NULL,
    iteration INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    number INTEGER NOT NULL, -- its place among the reports of the attempt, from 0; of many every second, every fourth … is kept
    step INTEGER NOT NULL,
    time_us INTEGER NOT NULL,
    metrics TEXT NOT NULL CHECK (json_valid(metrics)),
    PRIMARY KEY (experiment, variant, iteration, attempt, number),
    FOREIGN KEY (experiment, variant, iteration) REFERENCES iteration (experiment, variant, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE artifact (
    experiment INTEGER NOT NULL,
    variant INTEGER NOT NULL,
    iteration INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    name TEXT NOT NULL, -- of the file beside the output of the attempt
    bytes INTEGER NOT NULL,
    kept INTEGER NOT NULL CHECK (kept IN (0, 1)), -- 0: it was too large
    PRIMARY KEY (experiment, variant, iteration, attempt, name),
    FOREIGN KEY (experiment, variant, iteration) REFERENCES iteration (experiment, variant, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What the query planner is to believe: experiments are so large that lists of rows, of which it expects a million, are looked up one
-- by one, never by a scan, be it one to fill a Bloom filter.
-- Written here and never measured, so that a plan does not depend on what happens to be in the file.
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('variant', 'variant', '100000000 10000000 1'),
    ('variant', 'variant_by_hash', '100000000 10000000 1'),
    ('iteration', 'iteration', '300000000 30000000 3 1'),
    ('attempt', 'attempt', '300000000 30000000 3 1 1'),
    ('proposal', 'proposal', '100000000 10000000 500000 1'),
    ('report', 'report', '300000000 30000000 300 100 100 1'),
    ('artifact', 'artifact', '300000000 30000000 300 100 100 1');
