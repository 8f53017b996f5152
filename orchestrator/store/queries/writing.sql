-- add_events --
-- Append events; the writer has numbered them.
INSERT INTO event (time_us, seq, experiment, kind, data) VALUES :rows;

-- add_to_counters --
-- Add what a transaction changed to the state counters of its experiments.
UPDATE experiment SET
    variant_count = experiment.variant_count + changes.variant_count,
    variants_evaluated = experiment.variants_evaluated + changes.variants_evaluated,
    variants_failed = experiment.variants_failed + changes.variants_failed,
    variants_pruned = experiment.variants_pruned + changes.variants_pruned,
    variants_cancelled = experiment.variants_cancelled + changes.variants_cancelled,
    iterations_queued = experiment.iterations_queued + changes.iterations_queued,
    iterations_running = experiment.iterations_running + changes.iterations_running,
    iterations_succeeded = experiment.iterations_succeeded + changes.iterations_succeeded,
    iterations_failed = experiment.iterations_failed + changes.iterations_failed,
    iterations_cancelled = experiment.iterations_cancelled + changes.iterations_cancelled
FROM (WITH listed (
    experiment, variant_count, variants_evaluated, variants_failed, variants_pruned, variants_cancelled,
    iterations_queued, iterations_running, iterations_succeeded, iterations_failed, iterations_cancelled
) AS (VALUES :rows) SELECT * FROM listed) AS changes
WHERE experiment.id = changes.experiment;

-- add_experiment --
-- A submitted experiment, queued.
INSERT INTO experiment (name, state, seed, spec, source, folder, environment, code_hash, idempotency_key, created_us)
VALUES (:name, 'queued', :seed, :spec, :source, :folder, :environment, :code_hash, :idempotency_key, :now_us);

-- submitted_before --
-- The experiment an idempotency key has already made, and whether it was made from the same.
SELECT json_object('id', id, 'same', spec = :spec AND folder = :folder) FROM experiment WHERE idempotency_key = :idempotency_key;

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
-- Numbers of the variants that already have one of the hashes, by their parameters.
SELECT json_group_object(params, number) FROM variant
WHERE experiment = :experiment AND hash IN (SELECT value FROM json_each(:rows));

-- add_variants --
-- New variants, proposed.
INSERT INTO variant (experiment, round, approach, state, number, hash, params, parents) VALUES :rows;

-- add_proposals --
-- What a round proposed, in order, duplicates included: runs of proposals that became variants with as many numbers in a row.
INSERT INTO proposal (experiment, round, ordinal, variant, count) VALUES :rows;

-- add_iterations --
-- New iterations, queued.
INSERT INTO iteration (experiment, state, variant, number, stage, "case", repeat, seed) VALUES :rows;

-- start_iterations --
-- Begin an attempt at iterations that have one number, of several variants.
UPDATE iteration SET state = 'running', attempt = attempt + 1
WHERE experiment = :experiment AND number = :number AND state = 'queued' AND variant IN (SELECT value FROM json_each(:rows));

-- start_iterations_of_all --
-- The same for all variants from the first to the last.
UPDATE iteration SET state = 'running', attempt = attempt + 1
WHERE experiment = :experiment AND number = :number AND state = 'queued' AND variant BETWEEN :first AND :last;

-- succeed_iterations --
-- End iterations that have one number, of several variants, well (+: found by their keys and not in the index, which changes with them).
UPDATE iteration SET state = 'succeeded', cause = NULL
WHERE experiment = :experiment AND number = :number AND +state = 'running' AND variant IN (SELECT value FROM json_each(:rows));

-- succeed_iterations_of_all --
-- The same for all variants from the first to the last.
UPDATE iteration SET state = 'succeeded', cause = NULL
WHERE experiment = :experiment AND number = :number AND +state = 'running' AND variant BETWEEN :first AND :last;

-- move_iterations --
-- Move running iterations of an experiment to where they go when they have not succeeded.
UPDATE iteration SET
    state = moved.target,
    attempt = moved.attempt,
    charged = moved.charged,
    cause = moved.cause,
    deaths = moved.deaths
FROM (WITH listed (variant, number, target, attempt, charged, cause, deaths) AS (VALUES :rows) SELECT * FROM listed) AS moved
WHERE
    iteration.experiment = ?1
    AND iteration.variant = moved.variant
    AND iteration.number = moved.number
    AND iteration.state = 'running';

-- begin_variants --
-- Write down that variants are evaluating, which does not follow from their iterations.
UPDATE variant SET state = 'evaluating'
WHERE experiment = :experiment AND state = 'proposed' AND number IN (SELECT value FROM json_each(:rows));

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
-- Attempts that have ended.
INSERT INTO attempt (
    experiment, executor, variant, iteration, number, queue_seconds, end, cause, error, exit_status, metrics,
    started_us, finished_us, wall_seconds, cpu_seconds, max_rss_bytes, output_bytes, pid, start_ticks, read_bytes, written_bytes
) VALUES :rows;

-- add_successes --
-- Attempts of one process that have all succeeded: what they have in common, and what cannot be known of them, is not bound for each.
INSERT INTO attempt (
    experiment, executor, end, pid, start_ticks, variant, iteration, number, queue_seconds, metrics,
    started_us, finished_us, wall_seconds, cpu_seconds, max_rss_bytes, output_bytes, read_bytes, written_bytes
) VALUES :rows;

-- add_artifacts --
-- Files that ended attempts wanted to keep; what an interrupted start of the same attempt has told is replaced.
INSERT OR REPLACE INTO artifact (experiment, variant, iteration, attempt, name, bytes, kept) VALUES :rows;

-- move_variants --
-- End variants of an experiment that are open.
UPDATE variant SET
    state = moved.target,
    rule = moved.rule,
    metrics = moved.metrics,
    spread = moved.spread,
    objective = moved.objective,
    rank = moved.rank,
    passed = moved.passed
FROM (WITH listed (number, target, rule, metrics, spread, objective, rank, passed) AS (VALUES :rows) SELECT * FROM listed) AS moved
WHERE variant.experiment = ?1 AND variant.number = moved.number AND variant.state IN ('proposed', 'evaluating');

-- evaluate_variants --
-- The same for what nearly all variants come to: evaluated, with nothing to aggregate. Half the columns are a quarter of the time.
UPDATE variant SET
    state = 'evaluated',
    metrics = found.metrics,
    objective = found.objective,
    rank = found.rank,
    passed = found.passed
FROM (WITH listed (number, metrics, objective, rank, passed) AS (VALUES :rows) SELECT * FROM listed) AS found
WHERE variant.experiment = ?1 AND variant.number = found.number AND variant.state IN ('proposed', 'evaluating');

-- misplaced_variants --
-- Where variants are that should be open and are not.
SELECT json_group_array(json_object('ref', variant.experiment || '.' || variant.number, 'state', variant.state, 'rule', variant.rule))
FROM json_each(:rows) AS moved, variant
WHERE variant.experiment = :experiment AND variant.number = moved.value ->> 0 AND variant.state NOT IN ('proposed', 'evaluating');

-- score_variants --
-- Gate verdicts.
UPDATE variant SET
    score = scored.score,
    passed = scored.passed,
    verdict = scored.verdict
FROM (WITH listed (number, score, passed, verdict) AS (VALUES :rows) SELECT * FROM listed) AS scored
WHERE variant.experiment = ?1 AND variant.number = scored.number AND variant.state = 'evaluated';

-- deselect_variants --
-- Take back what was selected before.
UPDATE variant SET selected = 0 WHERE experiment = :experiment AND selected = 1;

-- select_variants --
-- Mark the selected variants.
UPDATE variant SET selected = 1
FROM (WITH listed (number) AS (VALUES :rows) SELECT * FROM listed) AS chosen
WHERE variant.experiment = ?1 AND variant.number = chosen.number;

-- add_decision --
-- A decision with what it was taken from.
INSERT INTO decision (experiment, round, kind, time_us, rule, message, inputs, result)
VALUES (:experiment, :round, :kind, :now_us, :rule, :message, :inputs, :result);
