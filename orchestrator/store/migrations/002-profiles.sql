-- What was measured of stages, for the next experiment with the same code: where they are best run.
CREATE TABLE profile (
    code_hash TEXT NOT NULL,
    stage TEXT NOT NULL, -- a hash of what is called with which arguments
    updated_us INTEGER NOT NULL,
    facts TEXT NOT NULL CHECK (json_valid(facts)),
    PRIMARY KEY (code_hash, stage)
) STRICT, WITHOUT ROWID;
CREATE INDEX profile_by_age ON profile (updated_us);
