/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of stages, drop reasons and lies, as statistics show them.
 */
#include "pdp_dispatch.h"

const char *pdp_stage_name(enum pdp_stage stage)
{
	static const char *const names[PDP_STAGE_N] = {
		[PDP_STAGE_RECEIVE] = "receive",   [PDP_STAGE_CLASSIFY] = "classify",
		[PDP_STAGE_SEND] = "send",	   [PDP_STAGE_COLLECT] = "collect",
		[PDP_STAGE_TRANSMIT] = "transmit",
	};

	return names[stage];
}

const char *pdp_drop_name(unsigned int drop)
{
	static const char *const names[PDP_DROP_N] = {
		[PDP_DROP_VR] = "vr",
		[PDP_DROP_BAD_VIF] = "bad_vif",
		[PDP_DROP_BAD_HOLD] = "bad_hold",
		[PDP_DROP_NO_ENGINE] = "no_engine",
		[PDP_DROP_ENGINE_FULL] = "engine_full",
		[PDP_DROP_UNFIT] = "unfit_buffer",
		[PDP_DROP_PORT_FULL] = "port_full",
		[PDP_DROP_PUNT] = "punt_no_control_plane",
		[PDP_DROP_LIE] = "lie",
		[PDP_DROP_ENGINE_DIED] = "engine_died",
		[PDP_DROP_RATE_LIMIT] = "rate_limit",
		[PDP_DROP_HOLD_FULL] = "hold_full",
		[PDP_DROP_ORDER_FULL] = "order_full",
		[PDP_DROP_SOURCE] = "source",
		[PDP_DROP_ENGINE_LATE] = "engine_late",
		[PDP_DROP_PUNT_LIMIT] = "punt_limit",
		[PDP_DROP_PUNT_FULL] = "punt_full",
	};

	if (drop > PDP_DROP_VR && drop <= PDP_DROP_VIF_LAST)
		return drop < PDP_VIF_N_DROPS ? pdp_vif_drop_name((enum pdp_vif_drop)drop) : NULL;
	return drop < PDP_DROP_N ? names[drop] : NULL;
}

const char *pdp_lie_name(enum pdp_lie lie)
{
	static const char *const names[PDP_LIE_N] = {
		[PDP_LIE_SLOT] = "slot", [PDP_LIE_TWICE] = "twice", [PDP_LIE_BOUNDS] = "bounds",
		[PDP_LIE_VIF] = "vif",	 [PDP_LIE_CODE] = "code",   [PDP_LIE_CONTROL] = "control",
	};

	return names[lie];
}
