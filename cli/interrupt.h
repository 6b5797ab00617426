/*
 * Ctrl-C and its like (SIGINT, SIGTERM, SIGHUP) as a count that loops look at, so that a command
 * can end in order. A sleep ends early when one comes.
 */
#pragma once

#include <stdatomic.h>

/* From now on the signals are counted instead of ending the program. */
void interrupt_catch(void);

int interrupt_count(void);

/* True from the first one on, for those who are handed a flag to look at. */
const atomic_bool *interrupt_flag(void);

/* Sleeps, but for no longer than until the next interrupt, the end of a child, or a new width of
 * the terminal. */
void interrupt_sleep_ms(int ms);
