-- save_profile --
-- What is known now of one stage of some code.
INSERT INTO profile (code_hash, stage, updated_us, facts) VALUES (:code_hash, :stage, :now_us, :facts)
ON CONFLICT (code_hash, stage) DO UPDATE SET updated_us = excluded.updated_us, facts = excluded.facts;

-- drop_profiles --
-- Forget what was measured longest ago, above a number.
DELETE FROM profile WHERE updated_us < (SELECT updated_us FROM profile ORDER BY updated_us DESC LIMIT 1 OFFSET :keep);

-- profiles_of --
-- What is known of the stages of some code: facts by stage.
SELECT json_group_object(stage, json(facts)) FROM profile WHERE code_hash = :code_hash;
