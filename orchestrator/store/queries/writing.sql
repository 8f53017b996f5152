-- add_events --
-- Append events; the writer has numbered them. One row: seq, time, experiment, kind, data.
INSERT INTO event (seq, time_us, experiment, kind, data)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
FROM json_each(:rows);

-- add_to_counters --
-- Add what a transaction changed to the state counters of its experiments.
UPDATE experiment SET
    variant_count = variant_count + (changes.value ->> 1),
    variants_evaluated = variants_evaluated + (changes.value ->> 2),
    variants_failed = variants_failed + (changes.value ->> 3),
    variants_pruned = variants_pruned + (changes.value ->> 4),
    variants_cancelled = variants_cancelled + (changes.value ->> 5),
    iterations_queued = iterations_queued + (changes.value ->> 6),
    iterations_running = iterations_running + (changes.value ->> 7),
    iterations_succeeded = iterations_succeeded + (changes.value ->> 8),
    iterations_failed = iterations_failed + (changes.value ->> 9),
    iterations_cancelled = iterations_cancelled + (changes.value ->> 10)
FROM json_each(:rows) AS changes
WHERE experiment.id = changes.value ->> 0;

-- add_experiment --
-- A submitted experiment, queued.
INSERT INTO experiment (name, state, seed, spec, source, folder, environment, code_hash, idempotency_key, created_us)
VALUES (:name, 'queued', :seed, :spec, :source, :folder, :environment, :code_hash, :idempotency_key, :now_us);

-- submitted_before --
-- The experiment an idempotency key has already made.
SELECT json_object('id', id, 'name', name) FROM experiment WHERE idempotency_key = :idempotency_key;

-- move_experiment --
-- Move an experiment between two states; times, reason and phase follow the move.
UPDATE experiment SET
    state = :target,
    reason = :reason,
    phase = CASE WHEN :ended THEN NULL ELSE phase END,
    started_us = CASE WHEN :target = 'running' THEN coalesce(started_us, :now_us) ELSE started_us END,
    finished_us = CASE WHEN :ended THEN :now_us ELSE NULL END
WHERE id = :experiment AND state = :source;

-- set_phase --
-- What a running experiment does in which round.
UPDATE experiment SET phase = :phase, round = :round WHERE id = :experiment AND state IN ('running', 'paused');

-- accept_code --
-- The code an experiment may run from now on.
UPDATE experiment SET code_hash = :code_hash WHERE id = :experiment;

-- experiment_state --
-- State and counters of one experiment.
SELECT json_object('state', state, 'phase', phase, 'round', round, 'started_us', started_us, 'variant_count', variant_count)
FROM experiment WHERE id = :experiment;

-- remove_experiment --
-- Forget an experiment and, by cascade, all that belongs to it; its events are kept.
DELETE FROM experiment WHERE id = :experiment;

-- open_round --
-- Begin a round; a repeated begin after a crash changes nothing.
INSERT INTO round (experiment, number, approach, first_variant, opened_us)
VALUES (:experiment, :round, :approach, :first_variant, :now_us)
ON CONFLICT DO NOTHING;

-- add_to_round --
-- Count proposals of a round.
UPDATE round SET proposals = proposals + :count WHERE experiment = :experiment AND number = :round;

-- close_round --
-- The best objective among selected variants once the round was decided.
UPDATE round SET best_objective = :best_objective WHERE experiment = :experiment AND number = :round;

-- known_variants --
-- Numbers of the variants that already have one of the hashes.
SELECT json_group_object(hash, number) FROM variant
WHERE experiment = :experiment AND hash IN (SELECT value FROM json_each(:rows));

-- add_variants --
-- New variants. One row: number, hash, params, parents.
INSERT INTO variant (experiment, number, round, approach, hash, params, parents, state)
SELECT :experiment, value ->> 0, :round, :approach, value ->> 1, value ->> 2, value ->> 3, 'proposed'
FROM json_each(:rows);

-- add_proposals --
-- What a round proposed, in order, duplicates included. One row: ordinal, variant.
INSERT INTO proposal (experiment, round, ordinal, variant)
SELECT :experiment, :round, value ->> 0, value ->> 1
FROM json_each(:rows);

-- add_iterations --
-- New iterations, queued. One row: variant, number, stage, case, repeat, seed.
INSERT INTO iteration (experiment, variant, number, stage, "case", repeat, seed, state)
SELECT :experiment, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, 'queued'
FROM json_each(:rows);

-- move_iterations --
-- Move iterations out of one state. One row: variant, number, target, attempt, charged, cause, metrics.
UPDATE iteration SET
    state = moved.value ->> 2,
    attempt = moved.value ->> 3,
    charged = moved.value ->> 4,
    cause = moved.value ->> 5,
    metrics = moved.value ->> 6
FROM json_each(:rows) AS moved
WHERE
    iteration.experiment = :experiment
    AND iteration.variant = moved.value ->> 0
    AND iteration.number = moved.value ->> 1
    AND iteration.state = :source;

-- misplaced_iterations --
-- Where iterations are that are not in the state a move expected, with their attempts.
SELECT json_group_array(json_object(
    'ref', found.experiment || '.' || found.variant || '.' || found.number,
    'state', found.state,
    'attempts', (
        SELECT json_group_array(attempt.number || ' ' || attempt.end || coalesce(' ' || attempt.cause, '')) FROM attempt
        WHERE attempt.experiment = found.experiment AND attempt.variant = found.variant AND attempt.iteration = found.number
    )
))
FROM (
    SELECT iteration.* FROM json_each(:rows) AS moved, iteration
    WHERE
        iteration.experiment = :experiment
        AND iteration.variant = moved.value ->> 0
        AND iteration.number = moved.value ->> 1
        AND iteration.state <> :source
    LIMIT 5
) AS found;

-- add_attempts --
-- Attempts that have ended. One row: variant, iteration, number, end, cause, error, exit status, executor, started, finished,
-- wall, CPU, RSS, output, queue wait, pid, start ticks.
INSERT INTO attempt (
    experiment, variant, iteration, number, end, cause, error, exit_status, executor, started_us, finished_us,
    wall_seconds, cpu_seconds, max_rss_bytes, output_bytes, queue_seconds, pid, start_ticks
)
SELECT
    :experiment, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
    value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14, value ->> 15, value ->> 16
FROM json_each(:rows);

-- start_variants --
-- Variants whose first iteration starts. One row: number.
UPDATE variant SET state = 'evaluating'
FROM json_each(:rows) AS moved
WHERE variant.experiment = :experiment AND variant.number = moved.value ->> 0 AND variant.state = 'proposed';

-- move_variants --
-- Move variants out of one state. One row: number, target, rule, metrics, spread, objective, rank, passed.
UPDATE variant SET
    state = moved.value ->> 1,
    rule = moved.value ->> 2,
    metrics = moved.value ->> 3,
    spread = moved.value ->> 4,
    objective = moved.value ->> 5,
    rank = moved.value ->> 6,
    passed = moved.value ->> 7
FROM json_each(:rows) AS moved
WHERE variant.experiment = :experiment AND variant.number = moved.value ->> 0 AND variant.state = :source;

-- misplaced_variants --
-- Where variants are that are not in the state a move expected.
SELECT json_group_array(json_object('ref', variant.experiment || '.' || variant.number, 'state', variant.state, 'rule', variant.rule))
FROM json_each(:rows) AS moved, variant
WHERE variant.experiment = :experiment AND variant.number = moved.value ->> 0 AND variant.state <> :source;

-- score_variants --
-- Gate verdicts. One row: number, score, passed, verdict.
UPDATE variant SET
    score = scored.value ->> 1,
    passed = scored.value ->> 2,
    verdict = scored.value ->> 3
FROM json_each(:rows) AS scored
WHERE variant.experiment = :experiment AND variant.number = scored.value ->> 0 AND variant.state = 'evaluated';

-- deselect_variants --
-- Take back what was selected before.
UPDATE variant SET selected = 0 WHERE experiment = :experiment AND selected = 1;

-- select_variants --
-- Mark the selected variants. One row: the number.
UPDATE variant SET selected = 1
FROM json_each(:rows) AS chosen
WHERE variant.experiment = :experiment AND variant.number = chosen.value;

-- add_decision --
-- A decision with what it was taken from.
INSERT INTO decision (experiment, round, kind, time_us, rule, message, inputs, result)
VALUES (:experiment, :round, :kind, :now_us, :rule, :message, :inputs, :result);
