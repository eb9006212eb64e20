package dev.postrider.schedules;

import com.fasterxml.jackson.databind.ObjectMapper;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** The Java behind the routes of schedules. */
@Configuration(proxyBeanMethods = false)
public class SchedulesConfiguration {

    @Bean
    ScheduleRequests scheduleRequests(ObjectMapper mapper) {
        return new ScheduleRequests(mapper);
    }

    @Bean
    Ticks ticks(ObjectMapper mapper) {
        return new Ticks(mapper);
    }
}
