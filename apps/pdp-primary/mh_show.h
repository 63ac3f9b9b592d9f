/* SPDX-License-Identifier: BSD-3-Clause */
/* What mh_show.c and mh_show_fib.c share. Control thread. */
#ifndef MH_SHOW_H
#define MH_SHOW_H

#include "mh.h"

#define MH_TEXT 48 /* an address or a prefix as text */

/* The VR that args names and its control plane. @return its number, or -errno with a sentence */
int mh_show_find(const json_t *args, struct mh_vr **vr, char *err, size_t err_size);

/* mh_call() with a sentence. */
int mh_show_call(void (*fn)(void *arg), void *arg, char *err, size_t err_size);

/* @param family  4, 6; 0: none, "" @return text */
const char *mh_show_address(uint8_t family, const uint8_t *bytes, char text[MH_TEXT]);

json_t *mh_punt_json(const struct mh_vr *vr);

int mh_show_fib(void *arg, const json_t *args, json_t **result, char *err, size_t err_size);

#endif /* MH_SHOW_H */
