#include "common/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The powers of ten that a double holds exactly. */
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#define N_POWERS ((int)(sizeof(powers) / sizeof(powers[0])))

static size_t by_trial(double value, char text[DECIMAL_SIZE])
{
    int length = 0;
    for (int digits = 1; digits <= 17; digits++) {
        length = snprintf(text, DECIMAL_SIZE, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    return (size_t)length;
}

/* digits * 10^(exponent - n + 1): one digit stands before the point. */
static size_t print_scientific(char *text, const char *digits, int n, int exponent)
{
    char *at = text;
    *at++ = digits[0];
    if (n > 1) {
        *at++ = '.';
        memcpy(at, digits + 1, (size_t)n - 1);
        at += n - 1;
    }
    int magnitude = -exponent; /* below 100: integers below 2^53 over powers to 22 */
    *at++ = 'e';
    *at++ = '-';
    *at++ = (char)('0' + magnitude / 10);
    *at++ = (char)('0' + magnitude % 10);
    *at = '\0';
    return (size_t)(at - text);
}

static size_t print_fixed(char *text, const char *digits, int n, int exponent)
{
    char *at = text;
    if (exponent < 0) {
        memcpy(at, "0.0000", 2 + (size_t)(-exponent - 1));
        at += 2 - exponent - 1;
        memcpy(at, digits, (size_t)n);
        at += n;
    } else {
        memcpy(at, digits, (size_t)exponent + 1);
        at += exponent + 1;
        if (n > exponent + 1) {
            *at++ = '.';
            memcpy(at, digits + exponent + 1, (size_t)(n - exponent - 1));
            at += n - exponent - 1;
        }
    }
    *at = '\0';
    return (size_t)(at - text);
}

/* integer * 10^-scale; the integer ends in 0 only where scale is 0. */
static size_t print(char *text, uint64_t integer, int scale)
{
    char digits[20];
    int n = 20, exponent;
    for (; integer > 0; integer /= 10) {
        digits[--n] = (char)('0' + integer % 10);
    }
    exponent = 20 - n - 1 - scale;
    return exponent < -4 ? print_scientific(text, digits + n, 20 - n, exponent)
                         : print_fixed(text, digits + n, 20 - n, exponent);
}

size_t decimal_shortest(double value, char text[DECIMAL_SIZE])
{
    double magnitude = fabs(value);
    if (magnitude == 0 || !(magnitude < 0x1p53)) {
        return by_trial(value, text);
    }
    for (int scale = 0; scale < N_POWERS; scale++) {
        double integer = nearbyint(magnitude * powers[scale]);
        if (integer >= 0x1p53) {
            break;
        }
        if (integer > 0 && integer / powers[scale] == magnitude) {
            size_t sign = value < 0;
            text[0] = '-';
            return sign + print(text + sign, (uint64_t)integer, scale);
        }
    }
    return by_trial(value, text);
}

size_t decimal_integer(int64_t value, char *text)
{
    char digits[20];
    char *at = digits + sizeof(digits);
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0) {
        *--at = '-';
    }
    size_t length = (size_t)(digits + sizeof(digits) - at);
    memcpy(text, at, length);
    text[length] = '\0';
    return length;
}
