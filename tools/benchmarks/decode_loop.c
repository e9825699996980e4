/* decode_loop FILE: decodes the packets in FILE (each behind its length, four bytes, little-endian) as 48 kHz mono and
   prints the seconds of CPU that it took, reading the file left out. Declared here, so that no headers are needed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct OpusDecoder OpusDecoder;
OpusDecoder *opus_decoder_create(int32_t rate, int channels, int *error);
int opus_decode_float(OpusDecoder *decoder, const unsigned char *data, int32_t length, float *pcm, int size, int fec);

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static unsigned char *read_whole(const char *path, long *size)
{
    FILE *file = fopen(path, "rb");
    unsigned char *data;
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    *size = ftell(file);
    rewind(file);
    data = malloc((size_t)*size + 1);
    if (data && fread(data, 1, (size_t)*size, file) != (size_t)*size)
        data = NULL;
    fclose(file);
    return data;
}

int main(int count, char **arguments)
{
    static float pcm[5760];
    long size = 0, at = 0;
    int error = 0;
    double began;
    unsigned char *data = count > 1 ? read_whole(arguments[1], &size) : NULL;
    OpusDecoder *decoder;
    if (!data)
        return 2;
    began = cpu_seconds();
    decoder = opus_decoder_create(48000, 1, &error);
    while (at + 4 <= size) {
        int32_t length = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | (int32_t)data[at + 3] << 24;
        at += 4;
        if (opus_decode_float(decoder, data + at, length, pcm, 5760, 0) < 0)
            return 1;
        at += length;
    }
    printf("%.9f\n", cpu_seconds() - began);
    return error;
}
