-- A row of `proposal` stands for `count` proposals, from `ordinal` on, that became as many variants, from `variant` on.
ALTER TABLE proposal ADD COLUMN count INTEGER NOT NULL DEFAULT 1;
