/*
 * A first matrix product, before anybody counts on the trainer. OpenBLAS takes its memory then, and
 * where it cannot have it (ulimit -v) it asks again and again for ever, without a word.
 */
#pragma once

/* Returns once a product has been computed; it is checked like every other (product_check.h). Ends
 * the process with TRAINER_NO_MEMORY and a line on standard error if that takes seconds of CPU
 * time. */
void first_product(void);
