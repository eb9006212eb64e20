package dev.postrider.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.api.ProblemWriter;
import dev.postrider.testkit.RunningApplication;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.CamelContext;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.mock.web.MockHttpServletResponse;

/** Webhooks that the route cannot take now are to be sent again. */
class WebhookRouteTest {

    private static final String PATH = "/webhooks/stripe/key";

    private final CamelContext camel = new DefaultCamelContext();
    private final MeterRegistry meters = new SimpleMeterRegistry();
    private final AtomicInteger arrived = new AtomicInteger();
    private final CountDownLatch gate = new CountDownLatch(1);

    private WebhookRoute route;

    @BeforeEach
    void start() throws Exception {
        RouteBuilder.addRoutes(
                camel,
                routes -> routes.from("direct:receive-webhook")
                        .routeId("receive-webhook")
                        .process(exchange -> {
                            arrived.incrementAndGet();
                            gate.await();
                        })
                        .setBody()
                        .constant("taken in"));
        camel.start();
        route = new WebhookRoute(
                camel.createProducerTemplate(),
                RunningApplication.shared().bean(ProblemWriter.class),
                meters,
                1,
                Duration.ofMillis(100));
    }

    @AfterEach
    void stop() {
        gate.countDown();
        camel.stop();
    }

    @Test
    void theOneThatGetsNoTurnInTimeIsSentAgain() throws Exception {
        CompletableFuture<MockHttpServletResponse> first = CompletableFuture.supplyAsync(this::answer);
        RunningApplication.await().until(() -> arrived.get() == 1);

        MockHttpServletResponse second = answer();
        gate.countDown();

        assertToBeSentAgain(second);
        assertThat(first.get(1, TimeUnit.MINUTES).getStatus()).isEqualTo(200);
        assertThat(answer().getContentAsString()).as("the turn was given back").isEqualTo("taken in");
    }

    @Test
    void theOneThatComesWhileTheRouteIsStoppedIsSentAgain() throws Exception {
        gate.countDown();
        camel.getRouteController().stopRoute("receive-webhook");

        assertToBeSentAgain(answer());
        assertToBeSentAgain(answer());
    }

    private void assertToBeSentAgain(MockHttpServletResponse answer) {
        assertThat(answer.getStatus()).isEqualTo(503);
        assertThat(answer.getHeader("Retry-After")).isNotNull();
        assertThat(meters.counter("postrider.inbound", "provider", "other", "verdict", "failed")
                        .count())
                .isPositive();
    }

    private MockHttpServletResponse answer() {
        MockHttpServletResponse response = new MockHttpServletResponse();
        try {
            route.answer(PATH, new WebhookRequest("POST", PATH, Map.of(), new byte[0]), response);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
        return response;
    }
}
