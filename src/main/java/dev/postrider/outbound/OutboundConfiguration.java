package dev.postrider.outbound;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.zaxxer.hikari.HikariDataSource;
import dev.postrider.Limits;
import dev.postrider.Postrider;
import dev.postrider.queue.Handlers;
import dev.postrider.secrets.SecretBox;
import dev.postrider.secrets.Secrets;
import dev.postrider.startup.StartupException;
import io.micrometer.core.instrument.MeterRegistry;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntPredicate;
import org.apache.hc.client5.http.SystemDefaultDnsResolver;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;

/** Gives the route {@code deliver} what YAML cannot say: signing, the bounded HTTP client, and the judgement. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(OutboundSettings.class)
public class OutboundConfiguration {

    @Bean
    OwnPort ownPort(Secrets secrets) {
        return new OwnPort(secrets.demoApiKey().isPresent());
    }

    @Bean
    AddressGuard addressGuard(OutboundSettings settings, OwnPort ownPort) {
        return new AddressGuard(
                SystemDefaultDnsResolver.INSTANCE,
                networks(settings.allowedNetworks()),
                ports(settings.allowedPorts()),
                ownPort);
    }

    private static IntPredicate ports(List<String> ranges) {
        try {
            return PortRange.anyOf(ranges);
        } catch (IllegalArgumentException e) {
            throw new StartupException(
                    "The setting postrider.outbound.allowed-ports cannot be read: " + e.getMessage(),
                    "Give a comma-separated list of ports and ranges, such as 443,8000-8999.",
                    e);
        }
    }

    private static Optional<Proxy> proxy(URI address) {
        if (address == null) {
            return Optional.empty();
        }
        Proxy.Type type = "http".equals(address.getScheme())
                ? Proxy.Type.HTTP
                : "socks5".equals(address.getScheme()) ? Proxy.Type.SOCKS : null;
        if (type == null || address.getHost() == null || address.getPort() < 1 || address.getRawUserInfo() != null) {
            throw new StartupException(
                    "The setting postrider.outbound.proxy cannot be used: " + address,
                    "Give it as http://host:port or socks5://host:port, without a user, or remove it.",
                    null);
        }
        return Optional.of(new Proxy(type, new InetSocketAddress(address.getHost(), address.getPort())));
    }

    private static List<Network> networks(List<String> cidrs) {
        List<Network> networks = new ArrayList<>();
        for (String cidr : cidrs) {
            try {
                networks.add(Network.parse(cidr));
            } catch (IllegalArgumentException e) {
                throw new StartupException(
                        "The setting postrider.outbound.allowed-networks cannot be read: " + e.getMessage(),
                        "Give a comma-separated list of networks, or remove it.",
                        e);
            }
        }
        return networks;
    }

    @Bean
    DeliveryClient deliveryClient(AddressGuard guard, Limits limits, OutboundSettings settings, DeliveryMeters meters) {
        String version = Optional.ofNullable(Postrider.class.getPackage().getImplementationVersion())
                .orElse("dev");
        DeliveryClient client = new DeliveryClient(
                guard,
                Math.toIntExact(limits.responseCapture().toBytes()),
                "Postrider/" + version,
                proxy(settings.proxy()));
        meters.connections(client::connections);
        return client;
    }

    @Bean
    SentHeaders sentHeaders() {
        return new SentHeaders();
    }

    @Bean
    EndpointSecrets endpointSecrets(SecretBox box, ObjectMapper json) {
        return new EndpointSecrets(box, json);
    }

    @Bean
    EndpointLanes endpointLanes() {
        return new EndpointLanes(System::nanoTime);
    }

    @Bean
    DeliveryMeters deliveryMeters(MeterRegistry registry) {
        return new DeliveryMeters(registry);
    }

    @Bean
    DeliveryPreparation deliveryPreparation(
            @Qualifier("dispatcher") HikariDataSource dispatcher,
            EndpointSecrets secrets,
            EndpointLanes lanes,
            Handlers handlers,
            OutboundSettings settings,
            ObjectMapper json,
            Clock clock,
            DeliveryMeters meters) {
        return new DeliveryPreparation(
                new DeliveryLoader(new JdbcTemplate(dispatcher)),
                secrets,
                lanes,
                () -> handlers.concurrency("delivery"),
                settings.concurrency(),
                json,
                clock,
                meters);
    }

    @Bean
    AttemptReport attemptReport(OutboundSettings settings, ObjectMapper json, Clock clock, DeliveryMeters meters) {
        return new AttemptReport(settings.disableAfter(), json, clock, meters);
    }

    @Bean
    DeliveryTable deliveryTable(ObjectMapper json) {
        return new DeliveryTable(json);
    }

    @Bean
    DemoReceiver demoReceiver(ObjectMapper json) {
        return new DemoReceiver(json);
    }

    @Bean
    EndpointRequests endpointRequests(AddressGuard guard, EndpointSecrets secrets, ObjectMapper json, Clock clock) {
        return new EndpointRequests(guard, secrets, json, clock);
    }
}
