/*
 * A matrix by its nonzeros, row by row, for products S B with a dense factor B. Its columns come in
 * blocks: the rows of B that belong to one block are few enough to stay in the first-level cache
 * while all rows of S pass by. A row's terms are added up in the order of its columns whatever the
 * blocks are.
 *
 * B is stored in tiles of SPARSE_TILE columns, one behind the other, each with all its rows; the
 * last one is as narrow as a multiple of SPARSE_LANES can be, and filled up with zeros.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    SPARSE_TILE = 64,
    SPARSE_LANES = 16,
    SPARSE_BLOCK = 208, /* at most, rows of B at once; a multiple of SPARSE_LANES */
};

/* Below this share of nonzeros a sparse product beats a dense one; measured, with margin. */
#define SPARSE_BELOW 0.55

struct sparse {
    int rows, cols;  /* at present: not more elements, nor more columns, than at sparse_init */
    int32_t *start;  /* row r has in block b the elements from start[b * (rows + 1) + r] up to
                        start[b * (rows + 1) + r + 1] */
    int32_t *column; /* of each element */
    float *value;
};

/* How many columns a block has, the last one excepted. */
int sparse_block(int cols);

/* Room for any matrix of this shape, and of fewer rows or columns; memory that no matrix needs is
 * never touched. 0 or -ENOMEM; free with sparse_free. */
int sparse_init(struct sparse *sparse, int rows, int cols);
void sparse_free(struct sparse *sparse);

/* t becomes the transpose of s; initialized with the transposed shape. */
void sparse_transpose(const struct sparse *s, struct sparse *t);

/* The width of the tile that begins with column `first` of `cols`. */
int sparse_tile_width(int cols, int first);

/* The floats that the tiles of b[rows x cols] take. */
size_t sparse_tiled_size(int rows, int cols);
