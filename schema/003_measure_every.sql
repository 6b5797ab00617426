-- How often the full test accuracy is measured. What was trained before was also measured at 1, 2, 4.
-- (The comment is of the kind that ends by itself: SQLite writes a parenthesis right behind it.)

ALTER TABLE cells ADD COLUMN measure_every INTEGER NOT NULL DEFAULT 0
    /* steps between measurements of the full test accuracy; 0 = at 8, 16, 32, ... */;
