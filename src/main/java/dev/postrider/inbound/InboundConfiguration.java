package dev.postrider.inbound;

import com.zaxxer.hikari.HikariDataSource;
import dev.postrider.Limits;
import dev.postrider.api.ProblemWriter;
import dev.postrider.secrets.SecretBox;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.time.Duration;
import org.apache.camel.ProducerTemplate;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;

/** Provides what the routes of inbound webhooks call. */
@Configuration(proxyBeanMethods = false)
public class InboundConfiguration {

    @Bean
    FilterRegistrationBean<WebhookEntrance> webhookEntrance(
            ProducerTemplate camel,
            @Qualifier("tenant") HikariDataSource tenant,
            ProblemWriter problems,
            MeterRegistry meters,
            Limits limits,
            @Value("${postrider.public-url:}") String publicUrl) {
        WebhookRoute route = new WebhookRoute(
                camel, problems, meters, tenant.getMaximumPoolSize(), Duration.ofMillis(tenant.getConnectionTimeout()));
        FilterRegistrationBean<WebhookEntrance> registration = new FilterRegistrationBean<>(new WebhookEntrance(
                route,
                problems,
                Math.toIntExact(limits.webhookBody().toBytes()),
                Duration.ofMillis(limits.webhookTime()),
                publicUrl.replaceFirst("/+$", "")));
        registration.addUrlPatterns("/webhooks/*");
        registration.setOrder(Ordered.HIGHEST_PRECEDENCE);
        return registration;
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
