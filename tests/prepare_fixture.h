/*
 * What the tests of prepare() share: its options, what it gave and what it said, which setup
 * clears, and what is expected of them. For cmocka, on top of data_fixture.
 */
#pragma once

#include "worker/data/prepare.h"

extern struct prepare_options fixture_options;
extern struct prepared fixture_prepared;
extern struct error fixture_error;

int prepare_fixture_setup(void **state);

/* The shade of the pixels tells which of several data sets came out. */
void assert_shade(int shade);
void assert_prepares(const char *name, int shade);
/* It fails with this code and these words, and leaves the result untouched. */
void assert_fails(const char *name, int code, const char *says);
