package dev.postrider.database;

import io.micrometer.core.instrument.MeterRegistry;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Gives the route that measures the replica a place to show what it saw. */
@Configuration(proxyBeanMethods = false)
class ReplicaConfiguration {

    @Bean
    ReplicaState replica(MeterRegistry registry, DatabaseSettings settings) {
        return new ReplicaState(registry, !settings.replicaUrl().isEmpty());
    }
}
