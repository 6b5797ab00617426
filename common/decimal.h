/*
 * The shortest decimal that reads back as the same double, written as printf's %g would with so
 * many digits, but whole numbers in full as far as each of them is a double: 0.1, 1e-08, 550,
 * 2.5e+20. Most numbers that people write need no division by trial: they
 * are an integer over a power of ten, both exact in a double, and that is found in a few steps
 * (Clinger, "How to read floating point numbers accurately", 1990, section 3, turned around).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DECIMAL_SIZE 32

/* Writes the text and returns its length. Infinities and NaN become "inf", "-inf", "nan". */
size_t decimal_shortest(double value, char text[DECIMAL_SIZE]);

#define DECIMAL_INTEGER_SIZE 21 /* of the longest */

/* The same with an integer. `text` needs room for its digits and the 0 byte only. */
size_t decimal_integer(int64_t value, char *text);
