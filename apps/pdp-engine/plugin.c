/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loads the VR's plugin and tells it what it needs to know. A plugin of another ABI, or one whose
 * init() fails, is refused in a sentence.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "runtime.h"

static int check(const struct pdp_vr *vr, char *err, size_t err_size)
{
	if (vr->ops->abi_version != PDP_VR_ABI_VERSION) {
		snprintf(err, err_size,
			 "plugin %s was built for plugin ABI %u, this engine has %u; build it with "
			 "this pdp_vr.h",
			 vr->conf->plugin, vr->ops->abi_version, PDP_VR_ABI_VERSION);
		return -1;
	}
	if (vr->ops->process == NULL) {
		snprintf(err, err_size, "plugin %s has no process()", vr->conf->plugin);
		return -1;
	}
	return 0;
}

static void tell(struct pdp_vr *vr)
{
	vr->info = (struct pdp_vr_info){
		.vr = vr,
		.services = &rt_services,
		.node = vr->conf->node,
		.name = vr->conf->vr,
		.args = (const char *)vr->conf + vr->conf->args_off,
		.engine = vr->region->engine,
		.n_engines = vr->region->n_engines,
		.n_vifs = vr->conf->n_vifs,
		.vifs = vr->vr_vifs,
		.fib = vr->has_fib ? &vr->fib : NULL,
	};
	for (unsigned int i = 0; i < vr->conf->n_vifs; i++) {
		const struct pdp_vif_conf *c = &vr->conf->vifs[i];

		pdp_vif_init(&vr->vifs[i], c);
		vr->plain_max[i] = vr->vifs[i].in_place ? vr->vifs[i].frame_max : 0;
		memcpy(vr->vr_vifs[i].name, c->name, sizeof(c->name));
		vr->vr_vifs[i].kind = c->kind;
		vr->vr_vifs[i].mtu = c->mtu;
		memcpy(vr->vr_vifs[i].mac, c->mac, sizeof(c->mac));
	}
}

int rt_load(struct pdp_vr *vr, char *err, size_t err_size)
{
	int rc;

	tell(vr);
	vr->handle = dlopen(vr->conf->plugin, RTLD_NOW | RTLD_LOCAL);
	if (vr->handle == NULL) {
		snprintf(err, err_size, "cannot load the plugin: %s", dlerror());
		return -1;
	}
	rt_life_modules();
	vr->ops = dlsym(vr->handle, PDP_VR_PLUGIN_SYMBOL);
	if (vr->ops == NULL) {
		snprintf(err, err_size, "%s exports no %s; use PDP_VR_PLUGIN()", vr->conf->plugin,
			 PDP_VR_PLUGIN_SYMBOL);
		return -1;
	}
	if (check(vr, err, err_size) != 0)
		return -1;
	vr->max_burst = vr->ops->max_burst;
	if (vr->max_burst == 0 || vr->max_burst > PDP_BURST_MAX)
		vr->max_burst = PDP_BURST_MAX;
	vr->wants_head = vr->ops->flags & PDP_VR_WANTS_HEAD;
#if RT_SEALED
	vr->shot_size = vr->ops->flags & PDP_VR_HEADER_ONLY ? PDP_VR_HEAD : RT_SHOT_SIZE;
#endif
	vr->tick_tsc = (vr->ops->tick_us ? vr->ops->tick_us : 1000) * vr->tsc_hz / 1000000;
	rc = vr->ops->init != NULL ? vr->ops->init(&vr->info, &vr->state) : 0;
	if (rc != 0) {
		snprintf(err, err_size,
			 "init() of plugin %s failed: %s (its own log line says more)",
			 vr->conf->plugin, strerror(rc < 0 ? -rc : rc));
		return -1;
	}
	return 0;
}

void rt_unload(struct pdp_vr *vr)
{
	if (vr->ops->fini != NULL)
		vr->ops->fini(vr->state);
}
