/*
 * Images and labels as they lie in a mapped data set. Borrowed: whoever holds one keeps the
 * mapping alive.
 */
#pragma once

#include <stdint.h>

struct samples {
    const uint8_t *images; /* n x pixels, 0..255 */
    const uint8_t *labels; /* n, each below classes */
    int n, pixels, classes;
};
