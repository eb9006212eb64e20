package dev.postrider.outbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.hc.client5.http.DnsResolver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AddressGuardTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0.0.0.0",
                "10.0.0.1",
                "10.255.255.255",
                "100.64.0.1",
                "100.100.100.200",
                "127.0.0.1",
                "127.8.8.8",
                "168.63.129.16",
                "169.254.169.254",
                "172.16.0.1",
                "172.31.255.255",
                "192.0.0.192",
                "192.0.2.1",
                "192.168.1.1",
                "198.18.0.1",
                "198.19.255.255",
                "203.0.113.7",
                "224.0.0.1",
                "240.0.0.1",
                "255.255.255.255",
                "::",
                "::1",
                "::ffff:127.0.0.1",
                "::ffff:10.0.0.1",
                "::127.0.0.1",
                "64:ff9b::7f00:1",
                "64:ff9b::a9fe:a9fe",
                "64:ff9b:1::1",
                "2002:7f00:1::1",
                "2001:0:1::1",
                "2001:db8::1",
                "fc00::1",
                "fd00:ec2::254",
                "fe80::1",
                "fec0::1",
                "ff02::1",
                "100::1",
                "4000::1"
            })
    void refusesAnInternalAddress(String address) {
        assertThatThrownBy(() -> guard(List.of(), address).resolve("hooks.example", 443, SOON))
                .isInstanceOf(InternalAddressException.class)
                .hasMessageContaining("hooks.example")
                .hasMessageContaining("postrider.outbound.allowed-networks");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1.1.1.1",
                "9.255.255.255",
                "11.0.0.0",
                "100.63.255.255",
                "100.128.0.0",
                "172.15.255.255",
                "172.32.0.0",
                "192.0.1.0",
                "198.17.255.255",
                "198.20.0.0",
                "223.255.255.255",
                "2606:4700::1111",
                "2a00::1",
                "64:ff9b::101:101"
            })
    void allowsAPublicAddress(String address) throws UnknownHostException {
        assertThat(guard(List.of(), address).resolve("hooks.example", 443, SOON))
                .singleElement()
                .satisfies(target -> assertThat(target.getPort()).isEqualTo(443));
    }

    @Test
    void oneInternalAddressAmongPublicOnesIsEnoughToRefuse() {
        assertThatThrownBy(() -> guard(List.of(), "1.1.1.1", "10.0.0.1").resolve("hooks.example", 443, SOON))
                .isInstanceOf(InternalAddressException.class);
    }

    @Test
    void aHostWithoutAnAddressIsUnknown() {
        assertThatThrownBy(() -> guard(List.of()).resolve("hooks.example", 443, SOON))
                .isExactlyInstanceOf(UnknownHostException.class);
    }

    @Test
    void anAllowedNetworkOpensExactlyItself() throws UnknownHostException {
        List<Network> allowed = List.of(Network.parse("10.1.0.0/16"), Network.parse("fd00::/8"));
        assertThat(guard(allowed, "10.1.2.3").resolve("hooks.example", 80, SOON))
                .hasSize(1);
        assertThat(guard(allowed, "fd12::1").resolve("hooks.example", 80, SOON)).hasSize(1);
        assertThatThrownBy(() -> guard(allowed, "10.2.0.1").resolve("hooks.example", 80, SOON))
                .isInstanceOf(InternalAddressException.class);
    }

    @Test
    void ofTheLoopbackOnlyTheGivenPortIsOpen() throws UnknownHostException {
        AddressGuard guard = new AddressGuard(answering("127.0.0.1"), List.of(), port -> true, port -> port == 8080);
        assertThat(guard.resolve("localhost", 8080, SOON)).hasSize(1);
        assertThatThrownBy(() -> guard.resolve("localhost", 8081, SOON)).isInstanceOf(InternalAddressException.class);
    }

    @Test
    void aLookupThatHangsIsLeftAfterTheTimeAndTakesOneThreadHoweverManyAskForIt() throws Exception {
        CountDownLatch answers = new CountDownLatch(1);
        AtomicInteger asked = new AtomicInteger();
        AddressGuard guard = new AddressGuard(
                new Names() {
                    @Override
                    public InetAddress[] resolve(String host) {
                        asked.incrementAndGet();
                        try {
                            answers.await();
                        } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                        }
                        return new InetAddress[] {address("1.1.1.1")};
                    }
                },
                List.of(),
                port -> true,
                port -> false);
        for (int i = 0; i < 200; i++) {
            assertThatThrownBy(() -> guard.resolve("slow.example", 443, Duration.ofMillis(1)))
                    .isInstanceOf(SlowNameException.class);
        }
        answers.countDown();
        assertThat(guard.resolve("slow.example", 443, SOON)).hasSize(1);
        assertThat(asked).hasValueLessThanOrEqualTo(2);
    }

    @Test
    void eachConnectionAsksAgain() throws UnknownHostException {
        // What a name stood for when the endpoint was made says nothing about now.
        String[] now = {"1.1.1.1"};
        AddressGuard guard = new AddressGuard(
                new Names() {
                    @Override
                    public InetAddress[] resolve(String host) throws UnknownHostException {
                        return new InetAddress[] {InetAddress.getByName(now[0])};
                    }
                },
                List.of(),
                port -> true,
                port -> false);
        assertThat(guard.resolve("rebinding.example", 443, SOON)).hasSize(1);
        now[0] = "127.0.0.1";
        assertThatThrownBy(() -> guard.resolve("rebinding.example", 443, SOON))
                .isInstanceOf(InternalAddressException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.0.0.0/33", "10.0.0.0/x", "localhost", "internal.example/8", "", "fd00::/129"})
    void aNetworkThatCannotBeReadIsRefused(String text) {
        assertThatThrownBy(() -> Network.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("CIDR");
    }

    private static AddressGuard guard(List<Network> allowed, String... addresses) {
        return new AddressGuard(answering(addresses), allowed, port -> true, port -> false);
    }

    private static DnsResolver answering(String... addresses) {
        return new Names() {
            @Override
            public InetAddress[] resolve(String host) {
                return Stream.of(addresses).map(AddressGuardTest::address).toArray(InetAddress[]::new);
            }
        };
    }

    private static InetAddress address(String literal) {
        try {
            return InetAddress.getByName(literal);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(literal, e);
        }
    }

    private abstract static class Names implements DnsResolver {
        @Override
        public String resolveCanonicalHostname(String host) {
            return host;
        }
    }
}
