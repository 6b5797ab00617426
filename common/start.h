/*
 * What every program does first, whatever started it: a shell, nohup, a batch system, a supervisor
 * that closed all streams.
 */
#pragma once

#include <stdbool.h>

/* Opens the standard streams that are closed, on /dev/null, so that no file or socket gets their
 * numbers; a closed standard output still takes nothing, and whoever writes results there is told.
 * Then unblocks the signals that the starter had blocked and counts on SIGCHLD again; has a write
 * beyond a limit of file sizes (ulimit -f) fail as one on a full disk does, in place of a signal
 * that ends the process; and sees to `n_files` descriptors. Ends the process with status 1 and a
 * line on standard error when it cannot have them. */
void start_program(const char *name, unsigned n_files);

/* Sees to it that this process may have `n_files` files and connections open at once, if need be by
 * raising the soft limit. Returns false when the hard limit is below that; then a line on standard
 * error has said so, with the remedy. */
bool start_allows_files(const char *name, unsigned n_files);

/* Whether a signal is for this program: false when whoever started it had it ignored (SIGHUP under
 * nohup, SIGINT behind '&' in a script), which is to stay so. To be asked before it is caught. */
bool start_heeds(int signal_number);
