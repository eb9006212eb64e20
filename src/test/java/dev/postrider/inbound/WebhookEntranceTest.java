package dev.postrider.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.inbound.signatures.Sender;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.camel.CamelContext;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.mock.web.MockFilterChain;
import org.springframework.mock.web.MockHttpServletRequest;
import org.springframework.mock.web.MockHttpServletResponse;

/** The url that a provider signed is found again behind proxies. */
class WebhookEntranceTest {

    private static final String PATH = "/webhooks/twilio/key";

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "-", textBlock = """
            ''                        | -                                                     | http://10.0.0.7:8080
            ''                        | X-Forwarded-Proto: https, X-Forwarded-Host: hooks.example.com | https://hooks.example.com
            ''                        | X-Forwarded-Proto: https, X-Forwarded-Host: hooks.example.com:8443 | https://hooks.example.com:8443
            ''                        | X-Forwarded-Proto: https, X-Forwarded-Host: hooks.example.com, X-Forwarded-Port: 8443 | https://hooks.example.com:8443
            ''                        | Forwarded: proto=https;host=hooks.example.com         | https://hooks.example.com
            ''                        | X-Forwarded-Proto: https, X-Forwarded-Port: none      | http://10.0.0.7:8080
            https://hooks.example.com | -                                                     | https://hooks.example.com
            https://example.com/hooks | X-Forwarded-Host: elsewhere.example.com               | https://example.com/hooks
            """)
    void theUrlIsTheOneThatTheProviderCalledAndItsSignatureIsGood(String publicUrl, String headers, String origin)
            throws Exception {
        MockHttpServletRequest request = new MockHttpServletRequest("POST", PATH);
        request.setServerName("10.0.0.7");
        request.setServerPort(8080);
        request.setQueryString("a=%20b&c");
        Sender twilio = Sender.named("twilio");
        String url = origin + PATH + "?a=%20b&c";
        twilio.sign(twilio.keys().get(0), url, Sender.bytes("A=1"), 0)
                .headers()
                .forEach((name, values) -> request.addHeader(name, values.get(0)));
        request.setContent(Sender.bytes("A=1"));
        if (headers != null) {
            for (String header : headers.split(", ")) {
                request.addHeader(header.split(": ")[0], header.split(": ")[1]);
            }
        }

        AtomicReference<WebhookRequest> handedOver = new AtomicReference<>();
        CamelContext camel = new DefaultCamelContext();
        RouteBuilder.addRoutes(
                camel,
                routes -> routes.from("direct:receive-webhook")
                        .setBody()
                        .constant("taken in")
                        .process(exchange ->
                                handedOver.set(exchange.getProperty(WebhookDoor.REQUEST, WebhookRequest.class))));
        camel.start();
        try {
            new WebhookEntrance(
                            new WebhookRoute(
                                    camel.createProducerTemplate(),
                                    null,
                                    new SimpleMeterRegistry(),
                                    1,
                                    Duration.ofSeconds(10)),
                            null,
                            100,
                            Duration.ofSeconds(10),
                            publicUrl)
                    .doFilter(request, new MockHttpServletResponse(), new MockFilterChain());
        } finally {
            camel.stop();
        }

        WebhookRequest taken = handedOver.get();
        assertThat(taken.url()).isEqualTo(url);
        assertThat(twilio.scheme().refusal(taken, List.of(twilio.keys().get(0).secret()), Instant.EPOCH))
                .isEmpty();
    }
}
