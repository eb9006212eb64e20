package dev.postrider.outbound;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.Stream;
import org.apache.hc.client5.http.DnsResolver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Refuses connections to internal addresses: a customer's url must not reach what only this machine can reach.
 *
 * <p>It stands where the HTTP client turns a host into the addresses that it connects to, IP literals included, so that
 * a name which changes its address after a check gains nothing. Safe for any thread.
 */
final class AddressGuard {

    private static final Logger log = LoggerFactory.getLogger(AddressGuard.class);

    /** Everything in IPv4 that is not a public host (IANA's special-purpose registry), and Azure's metadata address. */
    private static final List<Network> INTERNAL_V4 = Stream.of(
                    "0.0.0.0/8",
                    "10.0.0.0/8",
                    "100.64.0.0/10",
                    "127.0.0.0/8",
                    "168.63.129.16/32",
                    "169.254.0.0/16",
                    "172.16.0.0/12",
                    "192.0.0.0/24",
                    "192.0.2.0/24",
                    "192.88.99.0/24",
                    "192.168.0.0/16",
                    "198.18.0.0/15",
                    "198.51.100.0/24",
                    "203.0.113.0/24",
                    "224.0.0.0/4",
                    "240.0.0.0/4")
            .map(Network::parse)
            .toList();

    /** In IPv6 the public hosts are inside this network … */
    private static final Network PUBLIC_V6 = Network.parse("2000::/3");

    /** … without protocol assignments (Teredo), documentation, and 6to4, which hides an IPv4 address. */
    private static final List<Network> INTERNAL_V6 = Stream.of("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
            .map(Network::parse)
            .toList();

    private static final Network NAT64 = Network.parse("64:ff9b::/96");

    private final TimedNames names;
    private final List<Network> allowed;
    private final IntPredicate ports;
    private final IntPredicate allowedOnLoopback;

    /**
     * @param names finds the addresses
     * @param allowed internal networks that may be reached all the same
     * @param ports to which requests may go
     * @param allowedOnLoopback ports of this machine's loopback addresses that may be reached all the same
     */
    AddressGuard(DnsResolver names, List<Network> allowed, IntPredicate ports, IntPredicate allowedOnLoopback) {
        this.names = new TimedNames(names);
        this.allowed = List.copyOf(allowed);
        this.ports = ports;
        this.allowedOnLoopback = allowedOnLoopback;
    }

    /**
     * The addresses to connect to.
     *
     * @param most how long it may take to find them
     * @throws InternalAddressException if one of them is internal, or the port is not allowed
     * @throws SlowNameException if they were not found in time
     */
    List<InetSocketAddress> resolve(String host, int port, Duration most) throws UnknownHostException {
        InetAddress[] addresses = names.resolve(host, most);
        if (addresses == null || addresses.length == 0) {
            throw new UnknownHostException(host);
        }
        for (InetAddress address : addresses) {
            verify(host, address, port);
        }
        if (!ports.test(port) && !allowedOnLoopback.test(port)) {
            throw new InternalAddressException(host, port);
        }
        return Arrays.stream(addresses)
                .map(address -> new InetSocketAddress(address, port))
                .toList();
    }

    private void verify(String host, InetAddress address, int port) throws InternalAddressException {
        if (isPublic(address)
                || allowed.stream().anyMatch(network -> network.contains(address))
                || address.isLoopbackAddress() && allowedOnLoopback.test(port)) {
            return;
        }
        // The address is for operators only: a customer could read the names of the internal network otherwise.
        log.info("Refused a delivery to {}: {} is internal", host, address.getHostAddress());
        throw new InternalAddressException(host);
    }

    private static boolean isPublic(InetAddress address) {
        // Java hands IPv4-mapped addresses out as IPv4 already.
        if (address instanceof Inet4Address) {
            return INTERNAL_V4.stream().noneMatch(network -> network.contains(address));
        }
        if (NAT64.contains(address)) {
            return isPublic(lastFourBytes(address));
        }
        return PUBLIC_V6.contains(address) && INTERNAL_V6.stream().noneMatch(network -> network.contains(address));
    }

    private static InetAddress lastFourBytes(InetAddress address) {
        try {
            return InetAddress.getByAddress(Arrays.copyOfRange(address.getAddress(), 12, 16));
        } catch (UnknownHostException e) {
            throw new IllegalStateException("Four bytes are an IPv4 address", e);
        }
    }
}
