/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The form of the notes: who writes them and who reads them agree on it here.
 */
#ifndef NOTES_PRIV_H
#define NOTES_PRIV_H

#include <limits.h>

#define NOTES_HEAD    "pdp-left 1"
#define NOTES_BOOT_ID 64

/** @return 0 or -errno */
int notes_boot_id(char out[NOTES_BOOT_ID]);

#endif /* NOTES_PRIV_H */
