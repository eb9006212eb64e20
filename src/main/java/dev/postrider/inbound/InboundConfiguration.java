package dev.postrider.inbound;

import dev.postrider.Limits;
import dev.postrider.api.ProblemWriter;
import dev.postrider.secrets.SecretBox;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.security.web.DefaultSecurityFilterChain;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.header.HeaderWriterFilter;
import org.springframework.security.web.header.writers.CacheControlHeadersWriter;
import org.springframework.security.web.header.writers.XContentTypeOptionsHeaderWriter;
import org.springframework.security.web.servlet.util.matcher.PathPatternRequestMatcher;

/** Provides what the routes of inbound webhooks call. */
@Configuration(proxyBeanMethods = false)
public class InboundConfiguration {

    /** After security; before anything that could read the body. */
    @Bean
    FilterRegistrationBean<WebhookRequestFilter> webhookRequestFilter(
            Limits limits, @Value("${postrider.public-url:}") String publicUrl, ProblemWriter problems) {
        FilterRegistrationBean<WebhookRequestFilter> registration =
                new FilterRegistrationBean<>(new WebhookRequestFilter(
                        Math.toIntExact(limits.webhookBody().toBytes()),
                        Duration.ofMillis(limits.webhookTime()),
                        publicUrl.replaceFirst("/+$", ""),
                        problems));
        registration.addUrlPatterns("/webhooks/*");
        registration.setOrder(Ordered.LOWEST_PRECEDENCE);
        return registration;
    }

    /** Webhooks have no login: their signature is checked by the route. The usual filters cost as much as the route itself. */
    @Bean
    @Order(Ordered.HIGHEST_PRECEDENCE)
    SecurityFilterChain webhookSecurityChain() {
        return new DefaultSecurityFilterChain(
                PathPatternRequestMatcher.withDefaults().matcher("/webhooks/**"),
                new HeaderWriterFilter(
                        List.of(new XContentTypeOptionsHeaderWriter(), new CacheControlHeadersWriter())));
    }

    @Bean
    SourceSecrets sourceSecrets(SecretBox box) {
        return new SourceSecrets(box);
    }

    @Bean
    SourceRequests sourceRequests(SourceSecrets secrets, @Value("${postrider.public-url:}") String publicUrl) {
        return new SourceRequests(secrets, publicUrl);
    }

    @Bean
    FetchedWebhook fetchedWebhook() {
        return new FetchedWebhook();
    }

    @Bean
    StoredWebhook storedWebhook() {
        return new StoredWebhook();
    }

    @Bean
    UnverifiedReceipts unverifiedReceipts(Limits limits, Clock clock) {
        return new UnverifiedReceipts(limits.unverifiedReceipts(), clock);
    }

    @Bean
    FailedWebhook failedWebhook() {
        return new FailedWebhook();
    }

    @Bean
    WebhookDoor webhookDoor(MeterRegistry meters, ProblemWriter problems) {
        return new WebhookDoor(meters, problems);
    }
}
