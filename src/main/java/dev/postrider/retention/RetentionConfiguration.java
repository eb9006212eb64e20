package dev.postrider.retention;

import dev.postrider.database.OwnerConnections;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Gives the route {@code retention} what YAML cannot say: statements outside of transactions, one after the other. */
@Configuration(proxyBeanMethods = false)
public class RetentionConfiguration {

    private static final Duration LOCK_TIMEOUT = Duration.ofSeconds(10);

    @Bean
    PartitionRoutine partitionRoutine(OwnerConnections owner) {
        return new PartitionRoutine(owner, LOCK_TIMEOUT);
    }

    @Bean
    RetentionState retentionHealthIndicator(MeterRegistry registry) {
        return new RetentionState(registry);
    }
}
