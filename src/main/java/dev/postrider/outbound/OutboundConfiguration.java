package dev.postrider.outbound;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.Limits;
import dev.postrider.Postrider;
import dev.postrider.secrets.SecretBox;
import dev.postrider.secrets.Secrets;
import dev.postrider.startup.StartupException;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.hc.client5.http.SystemDefaultDnsResolver;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

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
        return new AddressGuard(SystemDefaultDnsResolver.INSTANCE, networks(settings.allowedNetworks()), ownPort);
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
    DeliveryClient deliveryClient(AddressGuard guard, Limits limits) {
        String version = Optional.ofNullable(Postrider.class.getPackage().getImplementationVersion())
                .orElse("dev");
        return new DeliveryClient(
                guard, Math.toIntExact(limits.responseCapture().toBytes()), "Postrider/" + version);
    }

    @Bean
    SentHeaders sentHeaders() {
        return new SentHeaders();
    }

    @Bean
    EndpointSecrets endpointSecrets(SecretBox box) {
        return new EndpointSecrets(box);
    }

    @Bean
    DeliveryMeters deliveryMeters(MeterRegistry registry) {
        return new DeliveryMeters(registry);
    }

    @Bean
    DeliveryPreparation deliveryPreparation(
            EndpointSecrets secrets, ObjectMapper json, Clock clock, DeliveryMeters meters) {
        return new DeliveryPreparation(secrets, json, clock, meters);
    }

    @Bean
    AttemptReport attemptReport(ObjectMapper json, Clock clock, DeliveryMeters meters) {
        return new AttemptReport(json, clock, meters);
    }

    @Bean
    DemoReceiver demoReceiver(ObjectMapper json) {
        return new DemoReceiver(json);
    }

    @Bean
    EndpointRequests endpointRequests(AddressGuard guard, EndpointSecrets secrets, ObjectMapper json) {
        return new EndpointRequests(guard, secrets, json);
    }
}
