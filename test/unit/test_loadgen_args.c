/* SPDX-License-Identifier: BSD-3-Clause */
/* Devargs of net_loadgen: what is understood, and that every mistake is refused in a sentence that
 * names it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "loadgen_args.h"

static void parse(const char *str, struct lg_args *args)
{
	struct lg_err err = {""};

	if (lg_args_parse(str, args, &err) != 0)
		fail_msg("%s: %s", str, err.text);
}

static void defaults(void **state)
{
	struct lg_args a;

	parse("", &a);
	assert_int_equal(a.rate_pps, 0);
	assert_int_equal(a.n_sizes, 1);
	assert_int_equal(a.sizes[0], 64);
	assert_int_equal(a.flows, 1);
	assert_true(a.count == LG_ENDLESS);
	assert_int_equal(a.n_classes, 1);
	assert_int_equal(a.classes[0].carrier, LG_RAW);
	assert_int_equal(a.classes[0].src.family, 4);
	assert_int_equal(a.classes[0].dst->n4, 1);
	assert_true(a.measure && a.payload && a.start && !a.closed && !a.poisson);
	lg_args_free(&a);
}

static void values(void **state)
{
	struct lg_args a;

	parse("rate=2m,size=imix,flows=1k,count=12345,rxq=4096,arrivals=poisson,measure=0,payload="
	      "none,start=0,seed=7,"
	      "mac=02:00:00:00:00:07,src=10.0.0.0/8,dst=192.0.2.0/24",
	      &a);
	assert_int_equal(a.rate_pps, 2000000);
	assert_int_equal(a.n_sizes, 3);
	assert_int_equal(a.sizes[1], 576);
	assert_int_equal(a.flows, 1000);
	assert_int_equal(a.count, 12345);
	assert_int_equal(a.rxq, 4096);
	assert_true(!a.measure && !a.payload && !a.start && a.poisson && a.has_mac);
	assert_int_equal(a.mac[5], 7);
	assert_int_equal(a.classes[0].src.len, 8);
	assert_int_equal(a.classes[0].dst->v[0].bytes[0], 192);
	lg_args_free(&a);

	parse("loop=closed,rate=max", &a);
	assert_true(a.closed);
	lg_args_free(&a);
}

static void profile(void **state)
{
	struct lg_args a;

	parse("profile=57000:5+117000:0.5,profile_end=stop", &a);
	assert_non_null(a.profile);
	assert_int_equal(a.profile->n_steps, 2);
	assert_int_equal(a.profile->end, LG_END_STOP);
	assert_true(a.profile->steps[0].pps == 57000 && a.profile->steps[0].seconds == 5);
	assert_true(a.profile->steps[1].pps == 117000 && a.profile->steps[1].seconds == 0.5);
	lg_args_free(&a);
}

static void mix(void **state)
{
	struct lg_args a;
	struct lg_class *c;

	parse("flows=10,mix=udp:4801@3+vlan:12@1+src:10.1.0.0/"
	      "16@2+vxlan:4789:100:flows=4+raw,dst_mac=02:00:00:00:00:09",
	      &a);
	assert_int_equal(a.n_classes, 5);
	c = a.classes;
	assert_int_equal(c[0].carrier, LG_UDP);
	assert_int_equal(c[0].udp_port, 4801);
	assert_int_equal(c[0].weight, 3);
	assert_true(c[0].inner_ip);
	assert_int_equal(c[1].carrier, LG_VLAN);
	assert_int_equal(c[1].vlan, 12);
	assert_int_equal(c[2].carrier, LG_RAW);
	assert_int_equal(c[2].weight, 2);
	assert_int_equal(c[2].src.bytes[1], 1);
	assert_int_equal(c[3].carrier, LG_VXLAN);
	assert_int_equal(c[3].vni, 100);
	assert_int_equal(c[3].flows, 4);
	assert_int_equal(c[4].weight, 1);
	/* 10 flows: 4 are taken, 6 over the other four classes */
	assert_int_equal(c[0].flows + c[1].flows + c[2].flows + c[4].flows, 6);
	assert_int_equal(a.flows, 10);
	for (int i = 0; i < 5; i++)
		assert_int_equal(c[i].dst_mac[5], 9);
	lg_args_free(&a);
}

static void mix_with_colons_in_addresses(void **state)
{
	struct lg_args a;
	uint8_t want[16];

	parse("mix=udp:4801:outer_src=fd00::1:outer_dst=fd00::2:dst_mac=02:00:00:00:00:05:src=fd01:"
	      ":/32:inner=ethernet@9",
	      &a);
	assert_int_equal(a.n_classes, 1);
	assert_int_equal(inet_pton(AF_INET6, "fd00::1", want), 1);
	assert_int_equal(a.classes[0].outer_src.family, 6);
	assert_memory_equal(a.classes[0].outer_src.bytes, want, 16);
	assert_int_equal(a.classes[0].outer_dst.bytes[15], 2);
	assert_int_equal(a.classes[0].dst_mac[5], 5);
	assert_int_equal(a.classes[0].src.family, 6);
	assert_int_equal(a.classes[0].dst->n6, 1);
	assert_int_equal(a.classes[0].weight, 9);
	assert_false(a.classes[0].inner_ip);
	lg_args_free(&a);

	parse("mix=src:fd00:7::/32+src:2001:db8::/48", &a);
	assert_int_equal(a.n_classes, 2);
	assert_int_equal(a.classes[1].src.len, 48);
	lg_args_free(&a);
}

static void many_vrs(void **state)
{
	struct lg_args a;

	parse("vrs=1000,flows=3000,mix=udp:10000@2", &a);
	assert_int_equal(a.n_classes, 1000);
	assert_int_equal(a.classes[999].udp_port, 10999);
	assert_int_equal(a.classes[999].flows, 3);
	assert_int_equal(a.classes[999].weight, 2);
	lg_args_free(&a);

	parse("vrs=300,mix=src:10.0.0.0/20", &a);
	assert_int_equal(a.classes[17].src.bytes[1], 1); /* 17 * 4096 addresses on: 10.1.16.0 */
	assert_int_equal(a.classes[17].src.bytes[2], 16);
	assert_int_equal(a.classes[299].src.bytes[1], 18);
	lg_args_free(&a);
}

static void write_file(char *path, const char *text)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void files(void **state)
{
	char prefixes[] = "/tmp/loadgen_prefixes_XXXXXX", entries[] = "/tmp/loadgen_mix_XXXXXX",
	     str[200];
	struct lg_args a;

	write_file(prefixes,
		   "# a table\n10.0.0.0/8\n2001:db8::/32\n\n192.0.2.0/24 # with a comment\n");
	write_file(entries, "udp:4801@2\n# none\nvlan:5\n");
	snprintf(str, sizeof(str), "dst_file=%s,mix=%s", prefixes, entries);
	parse(str, &a);
	assert_int_equal(a.n_classes, 2);
	assert_int_equal(a.classes[0].dst->n4, 2);
	assert_int_equal(a.classes[0].dst->n6, 1);
	assert_int_equal(a.classes[0].dst->v[1].bytes[0], 192);
	assert_int_equal(a.classes[0].dst->v[2].family, 6);
	lg_args_free(&a);
	unlink(prefixes);
	unlink(entries);
}

/* Each with words that its sentence must have. */
static const struct {
	const char *str, *says[3];
} bad[] = {
	{"frobnicate=1", {"frobnicate=1", "no key frobnicate", "rate"}},
	{"rate", {"'rate' is not key=value"}},
	{"rate=", {"is not key=value"}},
	{"rate=fast", {"rate=fast", "number"}},
	{"rate=-5", {"rate=-5", "number"}},
	{"rate=99999999999999", {"rate=", "1000000000000"}},
	{"size=59", {"size=59", "60", "9000"}},
	{"size=9001", {"size=9001", "9000"}},
	{"size=", {"size"}},
	{"flows=0", {"flows=0", "1"}},
	{"flows=20000000", {"flows=20000000", "16777216"}},
	{"flows=10x", {"flows=10x", "number"}},
	{"loop=ring", {"loop=ring", "open", "closed"}},
	{"arrivals=odd", {"arrivals=odd", "even", "poisson"}},
	{"measure=yes", {"measure=yes", "0", "1"}},
	{"rxq=0", {"rxq=0"}},
	{"rxq=2000000", {"rxq=2000000", "1048576"}},
	{"mac=01:00:00:00:00:01", {"mac=01:00:00:00:00:01", "unicast"}},
	{"mac=2:0:0:0:0:1", {"mac=2:0:0:0:0:1", "02:00:00:00:00:01"}},
	{"src=10.0.0.1/8", {"src=10.0.0.1/8", "after its prefix length"}},
	{"src=10.0.0.0/33", {"src=10.0.0.0/33", "10.0.0.0/8"}},
	{"dst=example.org", {"dst=example.org", "prefix"}},
	{"src=10.0.0.0/8,dst=fd00::/8", {"src is IPv4", "no prefix of dst"}},
	{"dst_file=/nonexistent/file", {"dst_file=/nonexistent/file", "No such file"}},
	{"dst_file=/dev/null", {"dst_file=/dev/null", "no prefix"}},
	{"profile=5", {"profile=5", "57000:5"}},
	{"profile=5:0", {"profile=5:0"}},
	{"profile=5:1+", {NULL}}, /* a trailing + is harmless: must parse */
	{"profile=-1:1", {"profile=-1:1"}},
	{"profile=nan:1", {"profile=nan:1"}},
	{"profile_end=never", {"profile_end=never", "loop", "stop"}},
	{"profile=5:1,rate=7", {"rate and profile"}},
	{"loop=closed,rate=7", {"rate=7", "loop=open"}},
	{"loop=closed,profile=7:1", {"profile", "loop=open"}},
	{"arrivals=poisson", {"arrivals=poisson", "rate"}},
	{"pcap=/x.pcap,mix=raw", {"pcap=/x.pcap", "mix"}},
	{"pcap=/x.pcap,vrs=2", {"pcap=/x.pcap", "vrs"}},
	{"mix=gre:5", {"mix=gre:5", "vxlan:<port>:<vni>"}},
	{"mix=raw+gre:5", {"mix entry gre:5", "vxlan:<port>:<vni>"}},
	{"mix=raw:5", {"mix entry raw:5"}},
	{"mix=vlan:0", {"vlan:0", "1 to 4094"}},
	{"mix=vlan:4095", {"vlan:4095", "1 to 4094"}},
	{"mix=vlan", {"vlan:", "4094"}},
	{"mix=udp:70000", {"udp:70000", "65535"}},
	{"mix=vxlan:4789", {"vxlan:4789", "VNI"}},
	{"mix=vxlan:4789:16777216", {"vxlan:4789:16777216", "VNI"}},
	{"mix=udp:1@0", {"udp:1@0", "weight"}},
	{"mix=udp:1@x", {"udp:1@x", "weight"}},
	{"mix=udp:1:colour=red", {"udp", "no key colour", "outer_src"}},
	{"mix=udp:1:inner=none", {"inner=none", "ethernet"}},
	{"mix=udp:1:outer_src=1.2.3.4:outer_dst=fd00::1",
	 {"outer_src is IPv4", "outer_dst is IPv6"}},
	{"mix=udp:1:outer_sport=70000", {"outer_sport=70000", "65535"}},
	{"tx_rate=fast", {"tx_rate=fast", "packets a second"}},
	{"tx_rate=bps", {"tx_rate=bps", "packets a second"}},
	{"tx_rate=999kbps", {"tx_rate=999kbps", "1mbps"}},
	{"tx_rate=10gbps"},
	{"tx_rate=1m"},
	{"vrs=0", {"vrs=0"}},
	{"vrs=4094,mix=vlan:2", {"vrs=4094", "told apart"}},
	{"vrs=300,mix=src:255.0.0.0/8", {"vrs=", "told apart"}},
	{"vrs=60000,mix=udp:1+vlan:1", {"vrs=60000", "65535"}},
	{"mix=udp:1:flows=10m+udp:2:flows=10m", {"20000000", "16777216"}},
};

static void bad_is_refused(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct lg_err err = {""};
		struct lg_args a;
		int rc = lg_args_parse(bad[i].str, &a, &err);

		if ((rc == 0) != (bad[i].says[0] == NULL))
			fail_msg("%s: rc %d, '%s'", bad[i].str, rc, err.text);
		for (int k = 0; k < 3 && bad[i].says[k] != NULL; k++)
			if (strstr(err.text, bad[i].says[k]) == NULL)
				fail_msg("%s: '%s' does not say '%s'", bad[i].str, err.text,
					 bad[i].says[k]);
		if (strchr(err.text, '\n') != NULL)
			fail_msg("%s: more than one line", bad[i].str);
		lg_args_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults), cmocka_unit_test(values),
		cmocka_unit_test(profile),  cmocka_unit_test(mix),
		cmocka_unit_test(many_vrs), cmocka_unit_test(mix_with_colons_in_addresses),
		cmocka_unit_test(files),    cmocka_unit_test(bad_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
