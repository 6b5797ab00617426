#include "worker/nn/product_check.h"

#include "common/rng.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT 0x1p-24
#define TINY ((double)FLT_MIN) /* below it a float may be flushed to zero */

enum { LANES = 8 }; /* sums side by side, for vectors */

/* ---- what was checked ---- */

enum { TABLE_SIZE = 8192, TABLE_FULL = TABLE_SIZE / 4 * 3, ENOUGH = 4 };

struct shape {
    int m, n, k;
    uint8_t kind;  /* 0 = free */
    uint8_t looks; /* ENOUGH = checked; less: nothing could be said so often */
};

static struct {
    struct shape shapes[TABLE_SIZE];
    int n_shapes;
    char fault[256];
    bool fault_is_of_blas;
    int64_t (*clock)(void);
    int64_t ns;
} checked;

/* A sparse product's code goes row by row: it is the same for any number of rows. */
static int rows_that_matter(const struct product *p)
{
    return p->kind == PRODUCT_SPARSE ? 0 : p->m;
}

static struct shape *find(const struct product *p)
{
    const uint64_t odd = 0x9e3779b97f4a7c15;
    int m = rows_that_matter(p);
    uint64_t h = ((uint64_t)p->kind * 31 + (uint64_t)m) * odd;

    h = ((h ^ (uint64_t)p->n) * odd ^ (uint64_t)p->k) * odd;
    for (size_t i = h >> 51;; i = (i + 1) % TABLE_SIZE) { /* the upper 13 bits */
        struct shape *s = &checked.shapes[i];
        if (s->kind == 0 || (s->kind == p->kind && s->m == m && s->n == p->n && s->k == p->k)) {
            return s;
        }
    }
}

static struct shape *add(const struct product *p, struct shape *place)
{
    if (checked.n_shapes == TABLE_FULL) {
        memset(checked.shapes, 0, sizeof(checked.shapes));
        checked.n_shapes = 0;
        place = find(p);
    }
    checked.n_shapes++;
    *place = (struct shape){rows_that_matter(p), p->n, p->k, (uint8_t)p->kind, 0};
    return place;
}

/* ---- matrices times vectors, and their absolute values likewise ---- */

/* A vector, and a bound of what it is made of. */
struct vector {
    double *at, *size;
};

/* sum = row . v, size = |row| . v.size */
static void dot(int n, const float *row, const struct vector *v, double *ret_sum, double *ret_size)
{
    double sum[LANES] = {0}, size[LANES] = {0};
    int i = 0;

    for (; i + LANES <= n; i += LANES) {
        for (int l = 0; l < LANES; l++) {
            sum[l] += (double)row[i + l] * v->at[i + l];
            size[l] += fabs((double)row[i + l]) * v->size[i + l];
        }
    }
    for (; i < n; i++) {
        sum[0] += (double)row[i] * v->at[i];
        size[0] += fabs((double)row[i]) * v->size[i];
    }
    for (int l = 1; l < LANES; l++) {
        sum[0] += sum[l];
        size[0] += size[l];
    }
    *ret_sum = sum[0];
    *ret_size = size[0];
}

/* out = M v, by M's rows. */
static void times(int rows, int cols, const float *matrix, const struct vector *v,
                  struct vector *out)
{
    for (int r = 0; r < rows; r++) {
        dot(cols, matrix + (size_t)r * (size_t)cols, v, &out->at[r], &out->size[r]);
    }
}

/* out = M' v, for M stored by rows. */
static void transposed_times(int rows, int cols, const float *matrix, const struct vector *v,
                             struct vector *out)
{
    memset(out->at, 0, (size_t)cols * sizeof(double));
    memset(out->size, 0, (size_t)cols * sizeof(double));
    for (int r = 0; r < rows; r++) {
        const float *row = matrix + (size_t)r * (size_t)cols;
        double f = v->at[r], size = v->size[r];
        for (int c = 0; c < cols; c++) {
            out->at[c] += (double)row[c] * f;
            out->size[c] += fabs((double)row[c]) * size;
        }
    }
}

/* The same as dot, of a row of s. */
static void sparse_dot(const struct sparse *s, int row, const struct vector *v, double *ret_sum,
                       double *ret_size)
{
    double sum = 0, size = 0;

    for (int block = 0, first = 0; first < s->cols; block++, first += sparse_block(s->cols)) {
        const int32_t *start = s->start + (size_t)block * ((size_t)s->rows + 1) + row;
        for (int32_t i = start[0]; i < start[1]; i++) {
            sum += (double)s->value[i] * v->at[s->column[i]];
            size += fabs((double)s->value[i]) * v->size[s->column[i]];
        }
    }
    *ret_sum = sum;
    *ret_size = size;
}

/* ---- the check ---- */

struct work {
    double *memory;
    struct vector x, y, z; /* x[n]; y[k] = B x; z[m] = A y */
};

static bool reserve(const struct product *p, struct work *ret)
{
    size_t m = (size_t)p->m, n = (size_t)p->n, k = (size_t)p->k;
    double *at = malloc(2 * (m + n + k) * sizeof(double));

    *ret = (struct work){at, {at, at + n}, {at + 2 * n, at + 2 * n + k}, {NULL, NULL}};
    if (at) {
        ret->z = (struct vector){at + 2 * (n + k), at + 2 * (n + k) + m};
    }
    return at;
}

/* Away from 0, of either sign. */
static void draw(const struct product *p, struct vector *x)
{
    struct rng rng;

    rng_init(&rng, (uint64_t)p->k << 32 | (uint64_t)p->m, RNG_CHECK, (uint32_t)p->n);
    for (int j = 0; j < p->n; j++) {
        double u = rng_uniform(&rng) - 0.5;
        x->at[j] = u < 0 ? u - 0.5 : u + 0.5;
        x->size[j] = fabs(x->at[j]);
    }
}

static void multiply(const struct product *p, struct work *w)
{
    if (p->kind == PRODUCT_NT) {
        transposed_times(p->n, p->k, p->b, &w->x, &w->y);
    } else {
        times(p->k, p->n, p->b, &w->x, &w->y);
    }
    if (p->kind == PRODUCT_TN) {
        transposed_times(p->k, p->m, p->a, &w->y, &w->z);
    } else if (p->kind == PRODUCT_SPARSE) {
        for (int i = 0; i < p->m; i++) {
            sparse_dot(p->s, i, &w->y, &w->z.at[i], &w->z.size[i]);
        }
    } else {
        times(p->m, p->k, p->a, &w->y, &w->z);
    }
}

/* Row i of A into a[k]. */
static void take_row(const struct product *p, int i, double *a)
{
    for (int k = 0; k < p->k && p->kind != PRODUCT_SPARSE; k++) {
        size_t at = p->kind == PRODUCT_TN ? (size_t)k * (size_t)p->m + (size_t)i
                                          : (size_t)i * (size_t)p->k + (size_t)k;
        a[k] = p->a[at];
    }
    if (p->kind != PRODUCT_SPARSE) {
        return;
    }
    memset(a, 0, (size_t)p->k * sizeof(double));
    for (int block = 0, first = 0; first < p->k; block++, first += sparse_block(p->k)) {
        const int32_t *start = p->s->start + (size_t)block * ((size_t)p->m + 1) + i;
        for (int32_t e = start[0]; e < start[1]; e++) {
            a[p->s->column[e]] = p->s->value[e];
        }
    }
}

static void note_fault(const struct product *p, int i, int j, double expected)
{
    static const char *const kinds[] = {"", "nn", "tn", "nt", "sparse"};

    checked.fault_is_of_blas = p->kind != PRODUCT_SPARSE;
    snprintf(checked.fault, sizeof(checked.fault),
             "kernel %s, shape %dx%dx%d (%s): c[%d][%d] is %.9g, and is to be %.9g", p->kernel,
             p->m, p->n, p->k, kinds[p->kind], i, j,
             (double)p->c[(size_t)i * (size_t)p->n + (size_t)j], expected);
}

/* Whether row i is wrong beyond what rounding explains; the first such element is noted. */
static bool is_wrong_row(const struct product *p, int i, double *a)
{
    take_row(p, i, a);
    for (int j = 0; j < p->n; j++) {
        double sum = 0, size = 0;
        for (int k = 0; k < p->k; k++) {
            double b = p->kind == PRODUCT_NT ? (double)p->b[(size_t)j * (size_t)p->k + (size_t)k]
                                             : (double)p->b[(size_t)k * (size_t)p->n + (size_t)j];
            sum += a[k] * b;
            size += fabs(a[k] * b);
        }
        double off = fabs((double)p->c[(size_t)i * (size_t)p->n + (size_t)j] - sum);
        if (!(off <= (p->k + 2) * (UNIT * size + TINY))) {
            note_fault(p, i, j, sum);
            return true;
        }
    }
    return false;
}

/* Whether anything could be said. */
static bool judge(const struct product *p, struct work *w)
{
    double factor = 2 * UNIT * (1 + sqrt(p->k)), largest = 0, room = (p->k + 2) * TINY * p->n;

    for (int i = 0; i < p->m; i++) {
        if (!(w->z.size[i] < (double)FLT_MAX)) {
            return false; /* not finite, or so large that a float may overflow */
        }
        largest = fmax(largest, w->z.size[i]);
    }
    for (int i = 0; i < p->m; i++) {
        double sum, size;
        dot(p->n, p->c + (size_t)i * (size_t)p->n, &w->x, &sum, &size);
        if (!(fabs(sum - w->z.at[i]) <= factor * w->z.size[i] + room) &&
            is_wrong_row(p, i, w->y.at)) { /* y is not needed any more */
            return true;
        }
    }
    return largest > 0;
}

static int64_t now_ns(void)
{
    return checked.clock ? checked.clock() : 0;
}

static void check(const struct product *p, struct shape *shape)
{
    int64_t start = now_ns();
    struct work work;

    if (reserve(p, &work)) {
        draw(p, &work.x);
        multiply(p, &work);
        shape->looks = judge(p, &work) ? ENOUGH : (uint8_t)(shape->looks + 1);
        free(work.memory);
    }
    checked.ns += now_ns() - start;
}

void product_check(const struct product *product)
{
    struct shape *shape = find(product);

    if (shape->kind == 0) {
        shape = add(product, shape);
    }
    if (shape->looks < ENOUGH && !checked.fault[0]) {
        check(product, shape);
    }
}

const char *product_fault(void)
{
    return checked.fault[0] ? checked.fault : NULL;
}

bool product_fault_is_of_blas(void)
{
    return checked.fault_is_of_blas;
}

void product_check_by(int64_t (*clock)(void))
{
    checked.clock = clock;
}

int64_t product_check_ns(void)
{
    return checked.ns;
}
