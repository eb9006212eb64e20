package dev.postrider.books;

import io.micrometer.core.instrument.MeterRegistry;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** The Java behind the route {@code reconcile}. */
@Configuration(proxyBeanMethods = false)
public class BooksConfiguration {

    /** The bean's name says which part of the health it is: {@code books}. */
    @Bean
    Books booksHealthIndicator(MeterRegistry registry) {
        return new Books(registry, System::nanoTime);
    }
}
