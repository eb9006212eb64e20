package dev.postrider.outbound;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.apache.camel.Exchange;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.Test;

/** What the record of an attempt says of failures that no test can have a real machine make. */
class AttemptReportTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();

    @Test
    void aNameServerThatDoesNotAnswerIsATimeoutAndTheHostIsNamed() throws Exception {
        try (DefaultCamelContext context = new DefaultCamelContext()) {
            Exchange exchange = new DefaultExchange(context);
            exchange.setProperty(DeliveryPreparation.BEGUN, System.nanoTime());
            exchange.setProperty(
                    BoundedExchange.REQUEST,
                    new DeliveryRequest(
                            URI.create("https://slow.example/"),
                            Map.of(),
                            Set.of(),
                            "{}",
                            null,
                            Duration.ofSeconds(1)));
            exchange.setProperty(Exchange.EXCEPTION_CAUGHT, new SlowNameException("slow.example"));
            new AttemptReport(Duration.ofDays(5), JSON, Clock.systemUTC(), new DeliveryMeters(meters)).write(exchange);
            JsonNode row = JSON.readTree(exchange.getProperty("attemptReport", String.class));
            assertThat(row.path("outcome").asText()).isEqualTo("timeout");
            assertThat(row.path("error").asText()).contains("slow.example", "in time");
            assertThat(meters.counter("postrider.delivery", "outcome", "timeout")
                            .count())
                    .isOne();
        }
    }
}
