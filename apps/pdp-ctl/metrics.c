/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A node's counters in the text format of OpenMetrics 1.0, for monitoring systems: what `stats` and
 * `engine list` say, as a table of metric families.
 */
#include "ctl.h"

#include <string.h>

/** Where the samples of a family are. */
enum place {
	NODE,	 /* stats.node: one sample */
	POOL,	 /* stats.pool */
	ROOT,	 /* stats */
	VRS,	 /* stats.vrs: one for each, by name */
	PORTS,	 /* stats.ports */
	ENGINES, /* rows of engine list */
};

/** A family; a counter's samples have "_total" behind its name. */
struct family {
	enum place place;
	const char *name, *key;
	bool counter;
	const char
		*label; /* the value is an object, each of its members a sample with this label */
	const char *of; /* and this member of that one; NULL: itself */
	const char *help;
};

static const struct family families[] = {
	{NODE, "pdp_uptime_seconds", "uptime_s", false, NULL, NULL, "Since the node runs."},
	{ROOT, "pdp_conserved", "conserved", false, NULL, NULL,
	 "1: every packet of every VR is accounted for."},
	{NODE, "pdp_received_packets", "rx", true, NULL, NULL, "Packets that the ports gave."},
	{NODE, "pdp_matched_packets", "matched", true, NULL, NULL, "Those that are for a VR."},
	{NODE, "pdp_dropped_packets", "drops", true, "reason", NULL, "Those that are for nobody."},
	{NODE, "pdp_loops", "loops", true, NULL, NULL, "Turns of the MD lcores' loops."},
	{NODE, "pdp_idle_loops", "idle_loops", true, NULL, NULL, "Those without packets."},
	{NODE, "pdp_stage_packets", "stages", true, "stage", "packets",
	 "Packets in those turns whose stages were timed."},
	{NODE, "pdp_stage_cycles", "stages", true, "stage", "tsc", "TSC cycles that they took."},
	{NODE, "pdp_tsc_hertz", "tsc_hz", false, NULL, NULL, "TSC cycles a second."},
	{POOL, "pdp_pool_buffers", "size", false, NULL, NULL, "Packet buffers that there are."},
	{POOL, "pdp_pool_free_buffers", "free", false, NULL, NULL, "Those in the pool."},
	{POOL, "pdp_pool_missing_buffers", "missing", false, NULL, NULL,
	 "Those that are nowhere; not 0 is a fault."},
	{PORTS, "pdp_port_received_packets", "rx", true, NULL, NULL, "Packets received."},
	{PORTS, "pdp_port_received_bytes", "rx_bytes", true, NULL, NULL, "Bytes received."},
	{PORTS, "pdp_port_sent_packets", "tx", true, NULL, NULL, "Packets sent."},
	{PORTS, "pdp_port_sent_bytes", "tx_bytes", true, NULL, NULL, "Bytes sent."},
	{PORTS, "pdp_port_missed_packets", "missed", true, NULL, NULL,
	 "Dropped by the port, as its queues were full."},
	{PORTS, "pdp_port_receive_errors", "rx_errors", true, NULL, NULL, "Bad packets."},
	{PORTS, "pdp_port_send_errors", "tx_errors", true, NULL, NULL, "Packets not sent."},
	{PORTS, "pdp_port_no_buffer", "no_buffer", true, NULL, NULL,
	 "Times that there was no packet buffer."},
	{VRS, "pdp_vr_received_packets", "rx", true, NULL, NULL, "Packets for the VR."},
	{VRS, "pdp_vr_originated_packets", "originated", true, NULL, NULL, "Packets it made."},
	{VRS, "pdp_vr_sent_packets", "tx", true, NULL, NULL, "Packets out of its vifs."},
	{VRS, "pdp_vr_punted_packets", "punted", true, NULL, NULL, "Packets to its kernel."},
	{VRS, "pdp_vr_dropped_packets", "drops", true, "reason", NULL, "Packets dropped."},
	{VRS, "pdp_vr_packets_in_flight", "in_flight", false, NULL, NULL,
	 "Packets inside the node."},
	{VRS, "pdp_vr_conserved", "conserved", false, NULL, NULL,
	 "1: every packet of it is accounted for."},
	{ENGINES, "pdp_engine_running", "state", false, NULL, NULL, "1: it gets packets."},
	{ENGINES, "pdp_engine_cpu", "cpu", false, NULL, NULL, "The CPU that it runs on."},
	{ENGINES, "pdp_engine_received_packets", "rx", true, NULL, NULL,
	 "Packets since the process started."},
	{ENGINES, "pdp_engine_sent_packets", "tx", true, NULL, NULL, "Packets it gave back."},
	{ENGINES, "pdp_engine_dropped_packets", "dropped", true, NULL, NULL,
	 "Those with the verdict to drop them."},
	{ENGINES, "pdp_engine_packets_out", "out", false, NULL, NULL, "Packets that it has."},
	{ENGINES, "pdp_engine_sleeps", "sleeps", true, NULL, NULL, "Times it slept."},
	{ENGINES, "pdp_engine_deaths", "deaths", true, NULL, NULL, "Times it ended unasked."},
	{ENGINES, "pdp_engine_lies", "lies", true, "lie", NULL,
	 "Returns that were refused, by what was wrong."},
};

static void print_escaped(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

static void print_label(FILE *out, const char *name, const char *value, bool *first)
{
	fprintf(out, "%c%s=\"", *first ? '{' : ',', name);
	print_escaped(out, value);
	fputc('"', out);
	*first = false;
}

/* Whose sample it is. */
struct owner {
	const char *port, *vr, *engine;
};

static void print_sample(FILE *out, const struct family *f, const struct owner *o,
			 const char *label, const json_t *value)
{
	bool first = true;

	if (value == NULL)
		return;
	fprintf(out, "%s%s", f->name, f->counter ? "_total" : "");
	if (o->port != NULL)
		print_label(out, "port", o->port, &first);
	if (o->vr != NULL)
		print_label(out, "vr", o->vr, &first);
	if (o->engine != NULL)
		print_label(out, "engine", o->engine, &first);
	if (label != NULL)
		print_label(out, f->label, label, &first);
	if (!first)
		fputc('}', out);
	if (json_is_integer(value))
		fprintf(out, " %" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
	else if (json_is_string(value)) /* a state */
		fprintf(out, " %d\n", strcmp(json_string_value(value), "running") == 0);
	else
		fprintf(out, " %.9g\n", json_is_true(value) ? 1 : json_real_value(value));
}

static void print_value(FILE *out, const struct family *f, const struct owner *o,
			const json_t *value)
{
	const char *label;
	json_t *member;

	if (f->label == NULL) {
		print_sample(out, f, o, NULL, value);
		return;
	}
	json_object_foreach ((json_t *)value, label, member)
		print_sample(out, f, o, label,
			     f->of != NULL ? json_object_get(member, f->of) : member);
}

static void print_named(FILE *out, const struct family *f, const json_t *objects)
{
	const char *name;
	json_t *object;

	json_object_foreach ((json_t *)objects, name, object) {
		const struct owner o = {.port = f->place == PORTS ? name : NULL,
					.vr = f->place == VRS ? name : NULL};

		print_value(out, f, &o, json_object_get(object, f->key));
	}
}

static size_t column(const json_t *table, const char *name)
{
	const json_t *columns = json_object_get(table, "columns"), *c;
	size_t i;

	json_array_foreach (columns, i, c) {
		if (json_is_string(c) && strcmp(json_string_value(c), name) == 0)
			break;
	}
	return i;
}

/* Engines are called "VR/NUMBER". */
static void print_engines(FILE *out, const struct family *f, const json_t *table)
{
	const size_t name_at = column(table, "engine"), at = column(table, f->key);
	const json_t *rows = json_object_get(table, "rows"), *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		const char *name = json_string_value(json_array_get(row, name_at));
		const char *slash = name != NULL ? strrchr(name, '/') : NULL;
		char vr[256];

		if (slash == NULL)
			continue;
		snprintf(vr, sizeof(vr), "%.*s", (int)(slash - name), name);
		print_value(out, f, &(struct owner){.vr = vr, .engine = slash + 1},
			    json_array_get(row, at));
	}
}

void ctl_metrics(FILE *out, const json_t *stats, const json_t *engines)
{
	const json_t *node = json_object_get(stats, "node");
	const char *name = json_string_value(json_object_get(node, "name"));
	const struct owner none = {0};

	fputs("# TYPE pdp_node info\n# HELP pdp_node The node.\npdp_node_info{node=\"", out);
	print_escaped(out, name != NULL ? name : "");
	fputs("\"} 1\n", out);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		const struct family *f = &families[i];

		fprintf(out, "# TYPE %s %s\n# HELP %s %s\n", f->name,
			f->counter ? "counter" : "gauge", f->name, f->help);
		if (f->place == NODE)
			print_value(out, f, &none, json_object_get(node, f->key));
		else if (f->place == POOL)
			print_value(out, f, &none,
				    json_object_get(json_object_get(stats, "pool"), f->key));
		else if (f->place == ROOT)
			print_value(out, f, &none, json_object_get(stats, f->key));
		else if (f->place == ENGINES)
			print_engines(out, f, engines);
		else
			print_named(out, f,
				    json_object_get(stats, f->place == VRS ? "vrs" : "ports"));
	}
	fputs("# EOF\n", out);
}
