/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the primary and an engine say to each other over the engine's socket (Unix, SOCK_SEQPACKET),
 * and what the primary writes into the region for it.
 *
 *   engine                          primary
 *   hello (before EAL)        ->
 *                             <-    welcome: lcore, CPU, memzone, descriptors, or why not
 *   (EAL, attach, plugin)
 *   report READY or FAILED    ->
 *   ...                       <-    command STOP, announced by pdp_status.cmd_seq and a wake
 *   report LEAVING (by hand)  ->
 *
 * A sealed engine is born with its end of a socket as descriptor 3. It has no EAL; between welcome
 * and plugin stand
 *
 *   report MAPPED             ->
 *                             <-    command SEALED
 *
 * Either side that waits has a deadline; a closed socket means that the other is gone.
 */
#ifndef PDP_ENGINE_PROTO_H
#define PDP_ENGINE_PROTO_H

#include <assert.h>
#include <stdint.h>

#include <pdp_fds.h>
#include <pdp_vif.h>

#define PDP_ENGINE_MAGIC     0x50445045u
#define PDP_ENGINE_PROTO     5
#define PDP_ENGINE_SOCKET    "pdp-engine.sock" /* in the runtime directory of the file prefix */
#define PDP_ENGINE_START_MS  10000	       /**< from spawn to READY at most */
#define PDP_ENGINE_INDEX_ANY UINT32_MAX

struct pdp_engine_hello {
	uint32_t magic;
	uint32_t proto;	 /**< PDP_ENGINE_PROTO */
	uint32_t layout; /**< PDP_LAYOUT_VERSION */
	uint32_t abi;	 /**< PDP_VR_ABI_VERSION */
	uint32_t engine; /**< index, or PDP_ENGINE_INDEX_ANY: started by hand */
	int32_t cpu;	 /**< wanted CPU, -1: the primary chooses */
	char vr[16];
};

/** What a file descriptor is that comes with the welcome. */
enum pdp_engine_fd {
	PDP_FD_REGION,	/**< sealed: memfd of its region */
	PDP_FD_PACKETS, /**< sealed: memfd of its packet slots */
	PDP_FD_FIB,	/**< the VR's FIB, to be mapped read-only */
	PDP_FD_FIB_QS,	/**< where it says which FIB memory it may still look at */
	PDP_FD_N,
};
static_assert(PDP_FD_N <= PDP_FDS_MAX, "one message carries them all");

struct pdp_engine_welcome {
	uint32_t magic;
	uint32_t proto;
	int32_t status;	 /**< 0, or -errno with `error` */
	uint32_t engine; /**< index in the VR */
	uint32_t lcore;	 /**< EAL lcore id, this engine's alone; not of sealed ones */
	uint32_t cpu;
	uint64_t zone_size;
	char zone[32];		  /**< memzone that is the engine's region */
	uint32_t n_fds;		  /**< descriptors beside this message */
	uint8_t fds[PDP_FDS_MAX]; /**< enum pdp_engine_fd of each */
	char error[256];
};

enum pdp_engine_report_kind {
	PDP_REPORT_READY = 1,
	PDP_REPORT_FAILED,
	PDP_REPORT_LEAVING,
	PDP_REPORT_MAPPED, /**< sealed: has mapped its memory, waits for SEALED */
};

struct pdp_engine_report {
	uint32_t kind;
	uint32_t flags; /**< READY: PDP_VR_* of the plugin */
	char text[504]; /**< FAILED: a sentence */
};

enum pdp_engine_cmd_kind {
	PDP_CMD_STOP = 1,
	PDP_CMD_SEALED, /**< its memory cannot be mapped for writing any more: load the plugin */
};

struct pdp_engine_cmd {
	uint32_t kind;
};

/** At pdp_region.conf_off. W:primary before the engine attaches; R:engine. */
struct pdp_engine_conf {
	char node[16];
	char vr[16];
	char plugin[256];   /**< path of the .so */
	uint32_t symmetric; /**< 1: the flow hash is symmetric */
	uint32_t n_vifs;
	uint32_t args_off;  /**< from the start of this structure: JSON text, NUL-terminated */
	uint32_t args_size; /**< with the NUL */
	struct pdp_vif_conf vifs[PDP_VIF_MAX];
	/* W:primary R:engine, while it runs; secondary only: of sealed ones the MD knows them. */
	uint32_t neighbours_version; /**< moves after a change of these; release/acquire */
	uint32_t pad;
	uint64_t neighbours[PDP_VIF_MAX]; /**< of vifs with PDP_VIF_NEIGHBOUR, as
					     pdp_vif_set_neighbour() takes them */
};

#endif /* PDP_ENGINE_PROTO_H */
