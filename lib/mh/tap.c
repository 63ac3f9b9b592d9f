/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making and taking over TAPs and TUNs, on a helper thread inside of their namespace: 0.3 ms, where
 * moving one there would take 20. Start, stop and repair only.
 */
#include "pdp_tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUEUE_LEN 1000 /* packets of the kernel that wait for the MH thread */

struct opening {
	const struct pdp_tap_params *params;
	struct pdp_tap *tap;
	const char *step; /* what failed */
	int control;	  /* a socket for ioctls */
};

static struct ifreq request(const struct opening *o)
{
	struct ifreq ifr = {0};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", o->params->name);
	return ifr;
}

static int change(struct opening *o, unsigned long what, struct ifreq *ifr, const char *step)
{
	if (ioctl(o->control, what, ifr) == 0)
		return 0;
	o->step = step;
	return -errno;
}

/* Whether a kept descriptor still is this interface: one that was deleted, or whose namespace got
 * another under its name, is not. */
static bool is_kept(const struct opening *o)
{
	const short kind = o->params->is_ip ? IFF_TUN : IFF_TAP;
	struct ifreq ifr = {0};
	struct stat here, there;
	int ns;
	bool same;

	if (o->params->kept < 0 || ioctl(o->params->kept, TUNGETIFF, &ifr) != 0 ||
	    strcmp(ifr.ifr_name, o->params->name) != 0 || !(ifr.ifr_flags & kind))
		return false;
	ns = ioctl(o->params->kept, SIOCGSKNS);
	if (ns < 0)
		return false;
	same = fstat(ns, &there) == 0 && stat("/proc/thread-self/ns/net", &here) == 0 &&
	       here.st_ino == there.st_ino;
	close(ns);
	return same;
}

static int attach(struct opening *o)
{
	struct ifreq ifr = request(o);
	int fd;

	if (is_kept(o)) {
		o->tap->fd = o->params->kept;
		o->tap->adopted = o->tap->kept = true;
		return 0;
	}
	if (o->params->kept >= 0)
		close(o->params->kept);

	o->tap->adopted = ioctl(o->control, SIOCGIFINDEX, &ifr) == 0;
	o->step = "/dev/net/tun";
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ifr = request(o);
	ifr.ifr_flags = (short)((o->params->is_ip ? IFF_TUN : IFF_TAP) | IFF_NO_PI);
	o->step = "the interface";
	if (ioctl(fd, TUNSETIFF, &ifr) != 0 || ioctl(fd, TUNSETPERSIST, 1) != 0) {
		int rc = errno == EINVAL && o->tap->adopted ? -EEXIST : -errno;

		close(fd);
		return rc;
	}
	o->tap->fd = fd;
	return 0;
}

static int set_mac(struct opening *o)
{
	struct ifreq ifr = request(o);
	int rc;

	if (o->params->is_ip)
		return 0;
	rc = change(o, SIOCGIFHWADDR, &ifr, "the MAC");
	if (rc != 0 || memcmp(ifr.ifr_hwaddr.sa_data, o->params->mac, 6) == 0)
		return rc;
	ifr = request(o);
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, o->params->mac, 6);
	return change(o, SIOCSIFHWADDR, &ifr, "the MAC");
}

static int set_rest(struct opening *o)
{
	struct ifreq ifr = request(o);
	int rc = change(o, SIOCGIFINDEX, &ifr, "the number");

	if (rc != 0)
		return rc;
	o->tap->ifindex = ifr.ifr_ifindex;
	ifr = request(o);
	ifr.ifr_mtu = o->params->mtu;
	rc = change(o, SIOCSIFMTU, &ifr, "the MTU");
	if (rc != 0 || o->tap->adopted)
		return rc;
	ifr = request(o);
	ifr.ifr_qlen = QUEUE_LEN;
	rc = change(o, SIOCSIFTXQLEN, &ifr, "the queue");
	if (rc != 0)
		return rc;
	ifr = request(o);
	ifr.ifr_flags = IFF_UP;
	return change(o, SIOCSIFFLAGS, &ifr, "up");
}

static int open_inside(void *arg)
{
	struct opening *o = arg;
	int rc;

	o->step = "a socket";
	o->control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (o->control < 0)
		return -errno;
	rc = attach(o);
	if (rc == 0)
		rc = set_mac(o);
	if (rc == 0)
		rc = set_rest(o);
	if (rc != 0 && o->tap->fd >= 0)
		pdp_tap_close(o->tap, !o->tap->adopted);
	close(o->control);
	return rc;
}

static void say(const struct opening *o, int rc, char *err, size_t err_size)
{
	const char *name = o->params->name, *kind = o->params->is_ip ? "TUN" : "TAP";

	if (rc == -EBUSY)
		snprintf(err, err_size,
			 "interface %s is another process's; end that, or give this VR another "
			 "namespace",
			 name);
	else if (rc == -EEXIST)
		snprintf(err, err_size,
			 "interface %s is there and no %s; take it away (ip link delete %s), or "
			 "give the vif another name",
			 name, kind, name);
	else if (rc == -ENOENT || rc == -ENODEV || rc == -ENXIO)
		snprintf(
			err, err_size,
			"no %s can be made, /dev/net/tun is missing; load the module: modprobe tun",
			kind);
	else
		snprintf(err, err_size, "interface %s: %s: %s", name, o->step, strerror(-rc));
}

int pdp_tap_open(const struct pdp_netns *ns, const struct pdp_tap_params *params,
		 struct pdp_tap *tap, char *err, size_t err_size)
{
	struct opening o = {.params = params, .tap = tap, .step = "the namespace"};
	int rc;

	*tap = (struct pdp_tap){.fd = -1};
	rc = pdp_netns_run(ns, open_inside, &o);
	if (rc != 0)
		say(&o, rc, err, err_size);
	return rc;
}

int pdp_tap_set_carrier(const struct pdp_tap *tap, bool up)
{
	const int carrier = up;

	return ioctl(tap->fd, TUNSETCARRIER, &carrier) == 0 ? 0 : -errno;
}

void pdp_tap_close(struct pdp_tap *tap, bool remove)
{
	if (tap->fd < 0)
		return;
	if (remove)
		ioctl(tap->fd, TUNSETPERSIST, 0);
	close(tap->fd);
	tap->fd = -1;
}
