package dev.postrider.queue;

import com.zaxxer.hikari.HikariDataSource;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import org.apache.camel.CamelContext;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;

/** The Java behind the routes of the queue. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(QueueSettings.class)
public class QueueConfiguration {

    @Bean
    NodeIdentity node() {
        return NodeIdentity.create();
    }

    @Bean
    Handlers handlers() {
        return new Handlers();
    }

    @Bean
    ClaimScheduler claimScheduler(Handlers handlers, Completions completions, MeterRegistry registry) {
        return new ClaimScheduler(handlers, completions, new TaskMeters(registry));
    }

    @Bean
    Completions completions(@Qualifier("dispatcher") HikariDataSource dispatcher, NodeIdentity node) {
        return new Completions(new JdbcTemplate(dispatcher), node, QueueStatements.load());
    }

    @Bean
    Lease lease(Handlers handlers, Completions completions, ClaimScheduler claimScheduler) {
        return new Lease(handlers, completions::after, claimScheduler);
    }

    @Bean
    Intake intake(Handlers handlers, Completions completions, ClaimScheduler claimScheduler) {
        return new Intake(handlers, completions, claimScheduler);
    }

    /** The bean's name is the scheme. */
    @Bean
    TaskComponent task(
            Handlers handlers, Completions completions, ClaimScheduler claimScheduler, MeterRegistry registry) {
        return new TaskComponent(handlers, completions, claimScheduler, new TaskMeters(registry));
    }

    /** The bean's name is the scheme: it takes the place of Camel's own component. */
    @Bean
    Kamelets kamelet() {
        return new Kamelets();
    }

    @Bean
    QueueGauges queueGauges(MeterRegistry registry, Handlers handlers, QueueHealth health) {
        return new QueueGauges(registry, handlers, health::isStuck, System::nanoTime);
    }

    /** The bean's name says which part of the health it is: {@code queue}. */
    @Bean
    QueueHealth queueHealthIndicator(
            @Qualifier("dispatcher") HikariDataSource dispatcher,
            Handlers handlers,
            CamelContext camel,
            QueueSettings settings) {
        return new QueueHealth(dispatcher, handlers, camel, Duration.ofMillis(settings.stuckAfter()), System::nanoTime);
    }

    /** The bean's name is the scheme: it takes the place of Camel's own component. */
    @Bean
    ListeningComponent pgevent(@Qualifier("dispatcher") HikariDataSource dispatcher) {
        return new ListeningComponent(dispatcher);
    }
}
