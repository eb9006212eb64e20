package dev.postrider.inbound;

import dev.postrider.Limits;
import dev.postrider.api.ProblemWriter;
import dev.postrider.secrets.SecretBox;
import io.micrometer.core.instrument.MeterRegistry;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;

/** Provides what the routes of inbound webhooks call. */
@Configuration(proxyBeanMethods = false)
public class InboundConfiguration {

    /** After security; before anything that could read the body. */
    @Bean
    FilterRegistrationBean<WebhookRequestFilter> webhookRequestFilter(
            Limits limits, @Value("${postrider.public-url:}") String publicUrl, ProblemWriter problems) {
        FilterRegistrationBean<WebhookRequestFilter> registration =
                new FilterRegistrationBean<>(new WebhookRequestFilter(
                        Math.toIntExact(limits.webhookBody().toBytes()), publicUrl.replaceFirst("/+$", ""), problems));
        registration.addUrlPatterns("/webhooks/*");
        registration.setOrder(Ordered.LOWEST_PRECEDENCE);
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
    FailedWebhook failedWebhook() {
        return new FailedWebhook();
    }

    @Bean
    WebhookDoor webhookDoor(MeterRegistry meters, ProblemWriter problems) {
        return new WebhookDoor(meters, problems);
    }
}
