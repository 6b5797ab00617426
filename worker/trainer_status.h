/*
 * Exit statuses by which a trainer says what its worker is to do; docs/trainer-protocol.md.
 */
#pragma once

enum trainer_status {
    TRAINER_WRONG_KERNEL = 69,  /* a product of the BLAS kernel was wrong: try another one */
    TRAINER_WRONG_MACHINE = 70, /* a product of our own was wrong: train nothing here */
    TRAINER_NO_MEMORY = 71,     /* BLAS cannot have the memory that it works in */
};
