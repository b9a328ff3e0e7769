#!/bin/sh
# Makes the HLS package that `cfstore demo` uploads, in the folder `hls` beside this script:
# six seconds of a test picture and a tone, in two renditions with one audio track, and the same in one MP4 file.
# Made with ffmpeg 5.1 (libx264, aac).
set -eu
cd "$(dirname "$0")"
rm -rf hls
mkdir hls
cd hls

ffmpeg -hide_banner -loglevel warning -nostdin -bitexact \
  -f lavfi -i "testsrc2=size=640x360:rate=24:duration=6" \
  -f lavfi -i "sine=frequency=440:beep_factor=2:sample_rate=48000:duration=6" \
  -filter_complex "[0:v]split[large][scaled];[scaled]scale=320:180[small]" \
  -map "[large]" -map "[small]" -map 1:a \
  -c:v libx264 -preset veryslow -profile:v main -pix_fmt yuv420p \
  -g 48 -keyint_min 48 -sc_threshold 0 \
  -b:v:0 110k -maxrate:v:0 120k -bufsize:v:0 240k \
  -b:v:1 45k -maxrate:v:1 50k -bufsize:v:1 100k \
  -c:a aac -b:a 32k -ac 1 -flags:v +bitexact -flags:a +bitexact \
  -f hls -hls_time 2 -hls_playlist_type vod -hls_flags independent_segments \
  -hls_segment_type fmp4 -hls_fmp4_init_filename init.mp4 \
  -hls_segment_filename "%v/segment-%d.m4s" -master_pl_name master.m3u8 \
  -var_stream_map "a:0,agroup:audio,default:yes,name:audio v:0,agroup:audio,name:360p v:1,agroup:audio,name:180p" \
  "%v/playlist.m3u8"

# One file that any browser plays.
ffmpeg -hide_banner -loglevel warning -nostdin -bitexact \
  -i 180p/playlist.m3u8 -i audio/playlist.m3u8 -map 0:v -map 1:a -c copy \
  -movflags +faststart preview.mp4

# The first picture.
ffmpeg -hide_banner -loglevel warning -nostdin -bitexact -i preview.mp4 -frames:v 1 -update 1 -q:v 5 poster.jpg
