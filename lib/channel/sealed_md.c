/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MD's end of a sealed engine's channel is made, and is gone. Control thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "pdp_sealed_md.h"

int pdp_sealed_open(struct pdp_chan *ch, const struct pdp_sealed_shape *shape, unsigned int index,
		    void *packets)
{
	struct pdp_sealed *s = malloc(sizeof(*s));
	uint8_t *mine = (uint8_t *)packets + index * pdp_sealed_chan_size(shape);

	if (s == NULL)
		return -ENOMEM;
	*s = (struct pdp_sealed){
		.slots = mine,
		.blanks = mine + (size_t)shape->n_slots * pdp_sealed_place(shape->window),
		.slot_size = pdp_sealed_place(shape->window),
		.blank_size = pdp_sealed_place(shape->room),
		.window = shape->window,
		.room = shape->room,
		.shown = calloc(shape->n_blanks + 1, sizeof(*s->shown)),
	};
	if (s->shown == NULL) {
		free(s);
		return -ENOMEM;
	}
	ch->base = (uintptr_t)packets;
	ch->sealed = s;
	return 0;
}

void pdp_sealed_close(struct pdp_sealed *s)
{
	if (s == NULL)
		return;
	free(s->shown);
	free(s);
}
